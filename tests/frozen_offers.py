"""What the services ask, and what each recommendation offers, as a file: a loss must be seen.

`python -m tests.frozen_offers` writes the list anew; its difference then belongs to the review.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from hooks import SERVICES
from hooks.engine.recommendation import Recommendation
from hooks.record import DataNeed

FILE = Path(__file__).with_name("frozen_offers.yaml")


def known() -> dict[str, Any]:
    """The needs and, in their order, the recommendations of each hook; how many cards are shown."""
    return {
        service.hook: {
            "card_limit": service.catalogue.card_limit,
            "by_indicator": service.catalogue.by_indicator,
            "evidence": {name: list(held) for name, held in service.catalogue.evidence.items()},
            "needs": {need.key: _asked(need) for need in service.needs},
            "recommendations": [_told(r) for r in service.catalogue.recommendations.values()],
        }
        for service in SERVICES.values()
    }


def _asked(need: DataNeed) -> dict[str, Any]:
    """What is asked of a server, and with which codes."""
    return {
        "query": need.query,
        "fallbacks": list(need.fallbacks),
        "value_sets": list(need.value_sets),
        "hooks": sorted(need.hooks),
    }


def _told(recommendation: Recommendation) -> dict[str, Any]:
    """The parts of a file that decide what can be done from its card."""
    variants = recommendation.variants.items()
    return {
        "id": recommendation.id,
        "applies_when": {k: list(v) for k, v in (recommendation.applies_when or {}).items()},
        "inputs": list(recommendation.inputs),
        "windows": list(recommendation.windows),
        "suggestions_by_unknown": {
            unknown: list(names) for unknown, names in recommendation.suggestions_by_unknown.items()
        },
        "variants": {
            name: {
                "indicator": variant.indicator.value,
                "suggestions": list(variant.suggestions),
                "stale_suggestions": list(variant.stale_suggestions),
                "override_reasons": list(variant.override_reasons),
            }
            for name, variant in variants
        },
    }


def frozen() -> dict[str, Any]:
    """The list of the file."""
    return dict(yaml.safe_load(FILE.read_text(encoding="utf-8")))


def write() -> None:
    """Write the file anew."""
    text = yaml.safe_dump(known(), sort_keys=False, default_flow_style=None, width=96)
    FILE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
