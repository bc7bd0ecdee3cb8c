"""What a viewer finds, by its ids."""

from tests.access.house import SIGHT, House


async def sight(house: House, name: str) -> set[str]:
    """The rows that a viewer finds by their global ids."""
    labels = list(SIGHT)
    found: set[str] = set()
    for start in range(0, len(labels), 100):
        some = labels[start : start + 100]
        ids = [house.id(label) for label in some]
        answer = await house.place.service.ask(
            "query Sight($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ids}, viewer=house.viewer(name)
        )
        for label, id_, node in zip(some, ids, answer["nodes"], strict=True):
            if node:
                assert node["id"] == id_
                found.add(label)
    return found
