"""What somebody may want to be told."""

from collections.abc import Hashable
from dataclasses import dataclass, field

from genji_graphql.live.event import Change, Event, Kind
from genji_graphql.live.log import Only, places_of
from genji_graphql.live.people import Person
from genji_graphql.live.sight import Sight
from genji_graphql.vocabulary import RESPONSES


@dataclass(frozen=True, slots=True)
class Notes:
    """What happens to the annotations of some places: as lists have them, notes proper unless motivations are named."""

    only: Only
    motivations: frozenset[str | None] | None = None
    changes: frozenset[Change] = frozenset(Change)
    wants_flags: bool = False

    def matches(self, event: Event) -> bool:
        if event.annotation_id is None:
            return False
        is_wanted = (
            event.motivation not in RESPONSES if self.motivations is None else event.motivation in self.motivations
        )
        return is_wanted and self.only.places <= set(places_of(event))

    def told(self, event: Event, sight: Sight, person: Person) -> Hashable:
        change = sight.change(event, person)
        return change if change in self.changes else None


@dataclass(frozen=True, slots=True)
class Flags:
    """Flags that are raised on what one may moderate."""

    only: Only = field(default_factory=Only)
    wants_flags: bool = True

    def matches(self, event: Event) -> bool:
        return event.is_flag

    def told(self, event: Event, sight: Sight, person: Person) -> Hashable:
        return Kind.CREATED if sight.is_moderated(event, person) else None


@dataclass(frozen=True, slots=True)
class Members:
    """Who comes into a group, and who leaves."""

    only: Only
    wants_flags: bool = False

    def matches(self, event: Event) -> bool:
        return event.group_id is not None and event.group_id == self.only.group_id

    def told(self, event: Event, sight: Sight, person: Person) -> Hashable:
        return event.kind if sight.sees_group(event, person) else None
