from tests.matrix.conftest import site as site
from tests.schema.conftest import crowd as crowd
