"""The query builders of aw-client: prints, as one JSON list, what they build of each line of JSON.

A line is ``{"kind": "desktop" or "android", "fields": {...}}``. It runs in ``.compat``, where nothing of ours can be
imported.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from aw_client import classes, queries

KINDS = {"desktop": queries.DesktopQueryParams, "android": queries.AndroidQueryParams}


def build(case: dict[str, Any]) -> dict[str, Any]:
    """Return the canonical query, and for a computer the full one and the browsers that were found."""
    params = KINDS[case["kind"]](**case["fields"])
    built = {"canonical": queries.canonicalEvents(params)}
    if queries.isDesktopParams(params):
        built["full"] = queries.fullDesktopQuery(params)
        built["browsers"] = queries.browsersWithBuckets(params.bid_browsers)
    return built


def main() -> None:
    """Print what there is no case for, and what each case builds."""
    facts = {
        "classes": classes.default_classes,
        "apps": queries.browser_appnames,
        "limit": queries.default_limit,
        "public": [name for name in dir(queries) if name[0] != "_"],
    }
    print(json.dumps({"facts": facts, "built": [build(json.loads(line)) for line in sys.stdin]}))


if __name__ == "__main__":
    main()
