"""A clinician's sign-off of the guideline content: who answered for which version, and when.

The file (YAML or JSON) holds `content_version`, `person`, `role` and `date` (YYYY-MM-DD), nothing
else. Production starts only with a sign-off of the running content; it is the site that signs off.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from cds_service.config import SettingError, Settings
from hooks import content_version

NAME = "SIGN_OFF_FILE"
MEMBERS = ("content_version", "person", "role", "date")
NOT_SIGNED_OFF = "No clinician has signed this content off yet."


@dataclass(frozen=True, slots=True)
class SignOff:
    """Who signed off which content version, in which role, on which day."""

    content_version: str
    person: str
    role: str
    date: str

    @property
    def sentence(self) -> str:
        """The sign-off in words."""
        return f"Signed off by {self.person} ({self.role}) on {self.date}."


def current(settings: Settings) -> SignOff | None:
    """The sign-off of the running content, None if there is none.

    Raises `SettingError` for a file that cannot be used.
    """
    found = read(Path(settings.sign_off_file)) if settings.sign_off_file else None
    return found if found and found.content_version == running_version(settings) else None


def running_version(settings: Settings) -> str:
    """The content version that is signed off: our knowledge and the site's own."""
    return content_version(settings.site)


def required(settings: Settings) -> SignOff | None:
    """The same; raises `SettingError` in production if there is none."""
    found = current(settings)
    if found is None and not settings.sandbox:
        raise SettingError(NAME, _refusal(settings))
    return found


def template(settings: Settings, person: str, role: str, day: date) -> str:
    """The content of a file that signs off the running content."""
    told = SignOff(running_version(settings), person, role, day.isoformat())
    return yaml.safe_dump(asdict(told), sort_keys=False, allow_unicode=True)


def read(path: Path) -> SignOff:
    """The sign-off in a file. Raises `SettingError`."""
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        raise SettingError(NAME, "the file cannot be read as YAML or JSON") from None
    if not isinstance(content, dict) or set(content) != set(MEMBERS):
        raise SettingError(NAME, f"exactly {', '.join(MEMBERS)} are expected in the file")
    told = {name: str(content[name] or "").strip() for name in MEMBERS}
    for name, text in told.items():
        if not text:
            raise SettingError(NAME, f"{name} is empty in the file")
    if not _is_day(told["date"]):
        raise SettingError(NAME, "the date in the file is not YYYY-MM-DD")
    return SignOff(**told)


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _refusal(settings: Settings) -> str:
    given = settings.sign_off_file
    told = "the file signs off another content version" if given else "it is not set"
    return (
        f"production needs a clinician's sign-off of content version "
        f"{running_version(settings)}, "
        f"but {told}; see docs/operate.md"
    )
