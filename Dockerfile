# The browser's side.
FROM node:24-slim AS web
WORKDIR /build/web
COPY web/package.json web/package-lock.json web/.npmrc* ./
RUN npm ci --no-audit --no-fund
COPY web ./
RUN npm run build

# The packages. Every archive is checked against the lock; what only developers need stays behind with this stage.
FROM python:3.13-slim AS packages
WORKDIR /build
COPY requirements.lock ./
RUN pip wheel --no-cache-dir --require-hashes -r requirements.lock -w /wheels
COPY pyproject.toml README.md LICENSE ./
COPY alembic alembic
COPY genji_graphql genji_graphql
COPY --from=web /build/genji_graphql/http/static genji_graphql/http/static
RUN pip wheel --no-cache-dir --no-index --find-links /wheels --no-deps -w /wheels . \
    && python -m venv --without-pip /opt/genji \
    && pip --python /opt/genji/bin/python install --no-cache-dir --no-index --find-links /wheels \
        /wheels/genji_graphql-*.whl

FROM python:3.13-slim
ENV PATH=/opt/genji/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
COPY --from=packages /opt/genji /opt/genji
# `alembic` reads its configuration from pyproject.toml in the working folder and writes new revisions beside it.
WORKDIR /srv/genji
COPY pyproject.toml ./
COPY alembic alembic
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --start-interval=1s \
    CMD ["python", "-c", "import http.client as h, os; c = h.HTTPConnection('127.0.0.1', int(os.environ.get('GENJI_PORT', 8000)), timeout=4); c.request('GET', '/health'); exit(c.getresponse().status != 200)"]
ENTRYPOINT ["genji"]
CMD ["run"]
