"""Checks template.yaml twice: as it is written, and as CloudFormation will see it after the SAM transform.

cfn-lint looks no deeper into a SAM function than its own properties: a misspelt reference in its environment, or a
parameter that nothing uses, shows only in what the transform makes of it. Any finding, even an informational one,
fails. `make cfn-lint` runs this file.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

# The translator asks for a region, and asks AWS for nothing.
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

from cfnlint.decode import decode  # noqa: E402
from samtranslator.parser.parser import Parser  # noqa: E402
from samtranslator.translator.translator import Translator  # noqa: E402

TEMPLATE = Path(__file__).resolve().parent.parent / "template.yaml"


def transformed(path: Path) -> dict[str, Any]:
    """The template at `path` after the SAM transform, every function's code at some address in S3."""
    template, problems = decode(str(path))
    if problems:
        sys.exit("\n".join(str(problem) for problem in problems))
    template = _plain(template)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = {"Bucket": "code", "Key": "code"}
    return Translator({}, Parser()).translate(template, parameter_values={})


def _plain(value: Any) -> Any:
    """`value` without the line numbers that cfn-lint's decoder attaches, which the translator cannot copy."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, str) else value


def main() -> None:
    """Lints both; exits with 1 if either has a finding."""
    with tempfile.TemporaryDirectory() as directory:
        after = Path(directory) / "after-the-sam-transform.json"
        after.write_text(json.dumps(transformed(TEMPLATE), indent=1))
        found = [_lint(TEMPLATE), _lint(after)]
    if any(found):
        sys.exit(1)
    print("template.yaml: no findings, before and after the SAM transform")


def _lint(path: Path) -> bool:
    command = [str(Path(sys.executable).parent / "cfn-lint"), "--include-checks", "I", "--", str(path)]
    return subprocess.run(command, check=False).returncode != 0


if __name__ == "__main__":
    main()
