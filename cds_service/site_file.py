"""The site file: YAML or JSON on disk -> `Site`."""

from __future__ import annotations

from pathlib import Path

from cds_service.strict_yaml import StrictYamlError, read_yaml
from hooks import BadSiteFile, Site, site_of


class SiteFileError(ValueError):
    """A site file that cannot be used; the text names file, place and remedy."""


def read_site(path: Path) -> Site:
    """The site of a file. Raises `SiteFileError`."""
    try:
        return site_of(read_yaml(path))
    except BadSiteFile as problem:
        raise SiteFileError(f"{path}, {problem}") from None
    except StrictYamlError as problem:
        raise SiteFileError(str(problem)) from None
