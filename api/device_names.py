"""Names of devices in the tenant's own records, which outlive people: concealed under the key of the device's person.

People choose these names ("adas-watch"). With the person's key goes the name; until then equal names are equal words.
"""

from __future__ import annotations

from kinelog.domain.identifiers import Person
from kinelog.privacy.key_store import KeyStore


def concealed(keys: KeyStore, person: Person, device: str) -> str:
    """What a token's record says instead of its device's name.

    Raises:
        ErasedPersonError: The person was erased.
    """
    return keys.sealer(*person).conceal(device)


def revealed(keys: KeyStore, person: Person, word: str) -> str:
    """The name of the device that a token is of.

    Raises:
        ErasedPersonError: The person was erased, and with them the name.
        TamperedError: The word was not concealed for this person.
    """
    return keys.sealer(*person).reveal(word)
