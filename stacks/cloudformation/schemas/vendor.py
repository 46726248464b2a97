"""Copies resource schemas out of the installed cfn-lint: those that are here already, and the types named."""

import json
import shutil
import sys
from pathlib import Path

import cfnlint

HERE = Path(__file__).parent
SCHEMAS = Path(cfnlint.__file__).parent / "data" / "schemas"


def main() -> None:
    files = json.loads((SCHEMAS / "providers" / "us-east-1.json").read_text())
    present = {json.loads(path.read_text())["typeName"] for path in HERE.glob("*.json")}
    wanted = sorted(present | set(sys.argv[1:]))
    unknown = [name for name in wanted if name not in files]
    if unknown:
        sys.exit(f"cfn-lint has no schema of {', '.join(unknown)}: is the name spelt as in a template?")
    for name in wanted:
        target = HERE / (name.lower().replace("::", "-") + ".json")
        shutil.copyfile(SCHEMAS / "resources" / (files[name] + ".json"), target)
        print(target)


if __name__ == "__main__":
    main()
