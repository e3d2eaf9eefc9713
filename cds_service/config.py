"""Settings of the service: the only reader of the environment (names start with `LM_CDS_`).

Each setting stands once, in `SETTINGS`; the table in the documentation is made from it. The
configuration file holds the same settings by their small names, and the clients; a variable of the
environment overrides it. A value that cannot be used stops the start with a message that names the
variable, or file and place, and never repeats the value, which may hold a password.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from cds_service.base_url import EXPECTED, base_url
from cds_service.clients import MEANINGS, Client, ClientsError, read_clients
from cds_service.clock import instant
from cds_service.config_file import ConfigFile, ConfigFileError
from cds_service.knowledge_folder import KnowledgeError, read_knowledge
from cds_service.network_policy import LOOPBACK, Network
from cds_service.site_file import SiteFileError, read_site
from hooks import NO_SITE, NOTHING_ADDED, SERVICES, Additions, Site

PREFIX = "LM_CDS_"
SANDBOX = "sandbox"
PRODUCTION = "production"
MEBIBYTE = 1024 * 1024
CONFIG_FILE = "CONFIG_FILE"
_ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]+)?")


class SettingError(ValueError):
    """A setting cannot be used; the message names the variable and says what is expected."""

    def __init__(self, name: str, expected: str) -> None:
        super().__init__(f"{PREFIX}{name}: {expected}")
        self.name = name
        self.expected = expected


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator may set; see `SETTINGS` for the meaning of each member."""

    profile: str
    fhir_servers: tuple[str, ...]
    database_url: str
    deadline_ms: int
    max_body_bytes: int
    max_answer_bytes: int
    max_pages: int
    page_size: int | None
    public_url: str | None
    sign_off_file: str | None
    now: datetime | None
    site_file: Site
    private_networks: tuple[Network, ...]
    origins: tuple[str, ...]
    metrics_bind: tuple[str, int] | None
    drain_seconds: int
    knowledge_folder: Additions = NOTHING_ADDED
    config_file: str | None = None
    clients: tuple[Client, ...] = ()

    @property
    def sandbox(self) -> bool:
        """Whether the sandbox profile is on (test data only, open to browsers on this host)."""
        return self.profile == SANDBOX

    @property
    def site(self) -> Site:
        """All that the site adds: its file, and the recommendations of its folder."""
        return self.site_file.adding(self.knowledge_folder)

    @property
    def networks(self) -> tuple[Network, ...]:
        """The networks that may be connected to besides the global addresses."""
        return self.private_networks + (LOOPBACK if self.sandbox else ())

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Read and check all settings. Raises `SettingError`, whose text is meant for operators."""
        _refuse_unknown(environ)
        file = _config_file(environ)
        try:
            given = {setting.field: setting.read(environ, file.texts) for setting in SETTINGS}
            settings = cls(**given, clients=_clients(file, given["profile"]))
            _check_together(settings)
        except SettingError as problem:
            raise _located(problem, environ, file) from None
        return settings


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable: its default as an operator would write it, and its meaning."""

    name: str
    default: str
    parse: Callable[[str, str], Any]
    meaning: str

    @property
    def field(self) -> str:
        """The member of `Settings` that holds the value."""
        return self.name.lower()

    def read(self, environ: Mapping[str, str], file: Mapping[str, str]) -> Any:
        """The typed value; an unset or blank variable means the file, then the default."""
        given = environ.get(PREFIX + self.name, "").strip() or file.get(self.field, "").strip()
        return self.parse(self.name, given or self.default)


def _config_file(environ: Mapping[str, str]) -> ConfigFile:
    named = environ.get(PREFIX + CONFIG_FILE, "").strip()
    known = [setting.field for setting in SETTINGS if setting.name != CONFIG_FILE]
    try:
        return ConfigFile.read(Path(named), known) if named else ConfigFile()
    except ConfigFileError as problem:
        raise SettingError(CONFIG_FILE, str(problem)) from None


def _clients(file: ConfigFile, profile: str) -> tuple[Client, ...]:
    types = {name: [n.resource_type for n in service.needs] for name, service in SERVICES.items()}
    try:
        return read_clients(file.clients, file.folder, types, secure=profile == PRODUCTION)
    except ClientsError as problem:
        raise SettingError(CONFIG_FILE, file.place(str(problem))) from None


def _located(problem: SettingError, environ: Mapping[str, str], file: ConfigFile) -> SettingError:
    """The same problem, with file and place where its value comes from the file."""
    name = problem.name.lower()
    if environ.get(PREFIX + problem.name, "").strip() or name not in file.texts:
        return problem
    return SettingError(CONFIG_FILE, f"{file.place(name)}: {problem.expected}")


def _profile(name: str, text: str) -> str:
    if text not in (SANDBOX, PRODUCTION):
        raise SettingError(name, f"'{SANDBOX}' or '{PRODUCTION}' is expected")
    return text


def _whole_number(least: int, most: int) -> Callable[[str, str], int]:
    def parse(name: str, text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,18}", text) or not least <= int(text) <= most:
            raise SettingError(name, f"a whole number from {least} to {most} is expected")
        return int(text)

    return parse


def _optional(parse: Callable[[str, str], Any]) -> Callable[[str, str], Any]:
    return lambda name, text: parse(name, text) if text else None


def _absolute_url(name: str, text: str) -> str:
    url = base_url(text)
    if url is None:
        raise SettingError(name, EXPECTED)
    return url


def _url_list(name: str, text: str) -> tuple[str, ...]:
    return tuple(_absolute_url(name, part) for part in re.split(r"[\s,]+", text) if part)


def _networks(name: str, text: str) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(part) for part in re.split(r"[\s,]+", text) if part)
    except ValueError:
        raise SettingError(name, "networks such as 10.20.0.0/16 or fd00::/8 are expected") from None


def _database(name: str, text: str) -> str:
    if not re.match(r"(sqlite:///[^?:]|postgresql(\+psycopg)?://)", text):
        raise SettingError(name, "sqlite:///<file> or postgresql://<user>@<host>/<database>")
    return re.sub(r"^postgresql://", "postgresql+psycopg://", text)


def _instant(name: str, text: str) -> datetime:
    value = instant(text)
    if value is None:
        raise SettingError(name, "a time with zone is expected, e.g. 2026-11-21T12:00:00Z")
    return value


def _site(name: str, text: str) -> Site:
    """What the site file says; it is read here so that a bad one stops the start."""
    try:
        return read_site(Path(text)) if text else NO_SITE
    except SiteFileError as problem:
        raise SettingError(name, str(problem)) from None


def _knowledge(name: str, text: str) -> Additions:
    """The recommendations of a folder; they are tried here so that a bad one stops the start."""
    try:
        return read_knowledge(Path(text), SERVICES.values()) if text else NOTHING_ADDED
    except KnowledgeError as problem:
        raise SettingError(name, str(problem)) from None


def _origin_list(name: str, text: str) -> tuple[str, ...]:
    """Origins as browsers send them: scheme, host and port, in lower case, nothing after."""
    origins = tuple(part for part in re.split(r"[\s,]+", text) if part)
    for origin in origins:
        if _absolute_url(name, origin) != origin or not _ORIGIN.fullmatch(origin):
            raise SettingError(name, "exact origins like https://ehr.example:8443 are expected")
    return origins


def _address(name: str, text: str) -> tuple[str, int]:
    """Host and port of a listener."""
    host, _, port = text.rpartition(":")
    if not re.fullmatch(r"[0-9a-zA-Z.-]+|\[[0-9a-fA-F:.]+\]", host):
        raise SettingError(name, "an address with a port like 127.0.0.1:9464 is expected")
    return host.strip("[]"), int(_whole_number(1, 65535)(name, port))


def _refuse_unknown(environ: Mapping[str, str]) -> None:
    known = [setting.name for setting in SETTINGS]
    for name in environ:
        if name.startswith(PREFIX) and name.removeprefix(PREFIX) not in known:
            near = difflib.get_close_matches(name.removeprefix(PREFIX), known, n=1)
            hint = f"; did you mean {PREFIX}{near[0]}?" if near else ""
            raise SettingError(name.removeprefix(PREFIX), f"there is no such setting{hint}")


def _check_together(settings: Settings) -> None:
    if settings.sandbox:
        return
    if settings.now is not None:
        raise SettingError("NOW", "the clock can be fixed in the sandbox profile only")
    for name, urls in (
        ("FHIR_SERVERS", settings.fhir_servers),
        ("PUBLIC_URL", (settings.public_url or "https:",)),
        ("ORIGINS", settings.origins),
    ):
        if any(not url.lower().startswith("https:") for url in urls):
            raise SettingError(name, "https is required in the production profile")


SETTINGS: tuple[Setting, ...] = (
    Setting("PROFILE", PRODUCTION, _profile, "`production`, or `sandbox` for test data"),
    Setting(
        "FHIR_SERVERS",
        "",
        _url_list,
        "base URLs of the FHIR servers that may be queried, separated by commas or spaces; "
        "`https` only in production; the sandbox also allows this host",
    ),
    Setting(
        "DATABASE_URL",
        "sqlite:///var/lm-cds.sqlite3",
        _database,
        "where feedback and issued cards are kept: SQLite (one host) or PostgreSQL",
    ),
    Setting(
        "DEADLINE_MS",
        "1500",
        _whole_number(50, 60_000),
        "time from the receipt of a call to the last FHIR byte used, in milliseconds",
    ),
    Setting(
        "MAX_BODY_BYTES",
        str(64 * MEBIBYTE),
        _whole_number(1024, 1024 * MEBIBYTE),
        "largest accepted request body; a larger one is answered 413",
    ),
    Setting(
        "MAX_ANSWER_BYTES",
        str(16 * MEBIBYTE),
        _whole_number(1024, 1024 * MEBIBYTE),
        "largest accepted answer of a FHIR server, per page",
    ),
    Setting(
        "MAX_PAGES",
        "200",
        _whole_number(1, 100_000),
        "most pages read for one call after the first ones of its FHIR searches",
    ),
    Setting(
        "PAGE_SIZE",
        "",
        _optional(_whole_number(1, 10_000)),
        "replaces `_count` in the queries to FHIR servers",
    ),
    Setting(
        "PUBLIC_URL",
        "",
        _optional(_absolute_url),
        "base URL under which clients reach this service: their tokens must name it, and cards "
        "link to the catalogue there; production needs it",
    ),
    Setting(
        "SIGN_OFF_FILE",
        "",
        _optional(lambda _, text: text),
        "file with a clinician's sign-off of the running content; production does not start "
        "without it",
    ),
    Setting("NOW", "", _optional(_instant), "fixes the clock (RFC 3339); sandbox only"),
    Setting(
        "SITE_FILE",
        "",
        _site,
        "file with the codes and declarations of this site, YAML or JSON: [site.md](site.md)",
    ),
    Setting(
        "KNOWLEDGE_FOLDER",
        "",
        _knowledge,
        "folder with recommendations of this site: [site.md](site.md#recommendations)",
    ),
    Setting(
        CONFIG_FILE,
        "",
        _optional(lambda _, text: text),
        "file with any of these settings and the clients, YAML or JSON; production needs at least "
        "one client: [clients.md](clients.md)",
    ),
    Setting(
        "PRIVATE_NETWORKS",
        "",
        _networks,
        "networks with private addresses in which FHIR servers and key sets stand, such as "
        "`10.20.0.0/16`, separated by commas or spaces; other private addresses are never "
        "connected to; the sandbox also allows loopback",
    ),
    Setting(
        "ORIGINS",
        "",
        _origin_list,
        "origins of browser clients that may call, exactly as the browser sends them, separated "
        "by commas or spaces; without it none may (the sandbox also allows this host and the "
        "public CDS Hooks Sandbox)",
    ),
    Setting(
        "METRICS_BIND",
        "",
        _optional(_address),
        "address and port where `/metrics` is served, e.g. `127.0.0.1:9464`; without it nowhere: "
        "[operate.md](operate.md#metrics)",
    ),
    Setting(
        "DRAIN_SECONDS",
        "2",
        _whole_number(0, 60),
        "how long `/readyz` is red before the service stops taking calls on SIGTERM",
    ),
)


def settings_table() -> str:
    """All settings as a Markdown table, for the documentation."""
    rows = [
        f"| `{PREFIX}{s.name}` | {_shown('' if s.name == CONFIG_FILE else s.field)} | "
        f"{_shown(s.default)} | {s.meaning} |"
        for s in SETTINGS
    ]
    return "\n".join(["| Variable | In the file | Default | Meaning |", "|---|---|---|---|", *rows])


def clients_table() -> str:
    """The members of a client as a Markdown table, for the documentation."""
    rows = [f"| `{name}` | {meaning} |" for name, meaning in MEANINGS.items()]
    return "\n".join(["| Member | Meaning |", "|---|---|", *rows])


def _shown(default: str) -> str:
    return f"`{default}`" if default else "–"


def load() -> Settings:
    """The settings of this process."""
    return Settings.from_env(os.environ)
