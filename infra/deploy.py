"""Packages and deploys template.yaml with the AWS CLI: the same two commands for AWS and for the local cloud.

For AWS: `make deploy STAGE=... S3_BUCKET=...`, which runs this file. It needs the AWS CLI and PyYAML, nothing else.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent


class DeployFailed(Exception):
    """An AWS CLI command ended with an error; the message has the command and what it said."""


def deploy(
    *,
    aws: str,
    template: Path,
    packaged: Path,
    bucket: str,
    stack: str,
    parameters: dict[str, str],
    environment: dict[str, str] | None = None,
    quiet: bool = False,
) -> None:
    """Uploads the functions' code to `bucket` and makes `stack` equal to `template`; nothing to change is no error.

    `aws` is the AWS CLI's executable, `packaged` where the template with the uploaded code's addresses is written.
    Paths in the template are relative to the template's own directory. Raises DeployFailed.
    """
    _run(
        [aws, "cloudformation", "package", "--template-file", str(template), "--s3-bucket", bucket,
         "--s3-prefix", stack, "--output-template-file", str(packaged)],
        environment, quiet,
    )  # fmt: skip
    # Every parameter: what is not named keeps, in CloudFormation, the value of the deployment before. An exception to the
    # guard that was taken out of the file would stay in force.
    parameters = defaults(template) | parameters
    overrides = [f"{name}={value}" for name, value in sorted(parameters.items())]
    _run(
        [aws, "cloudformation", "deploy", "--template-file", str(packaged), "--stack-name", stack,
         # By way of the bucket: CloudFormation takes no more than 51,200 bytes directly.
         "--s3-bucket", bucket, "--s3-prefix", stack,
         "--capabilities", "CAPABILITY_IAM", "--no-fail-on-empty-changeset",
         *(["--parameter-overrides", *overrides] if overrides else [])],
        environment, quiet,
    )  # fmt: skip


def defaults(template: Path) -> dict[str, str]:
    """The parameters of a template that have a default, with it."""
    document = yaml.load(template.read_text(), _Cloudformation)
    declared = document.get("Parameters", {})
    return {name: _text(one["Default"]) for name, one in declared.items() if "Default" in one}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class _Cloudformation(yaml.SafeLoader):
    """YAML in which CloudFormation's short functions (`!Ref`, `!Sub` ...) stand for nothing."""


_Cloudformation.add_multi_constructor("!", lambda *_: None)


def read_parameters(path: Path) -> dict[str, str]:
    """The parameters in a file of infra/parameters; keys that start with an underscore are remarks."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise DeployFailed(f"cannot read parameters from {path}: {error}") from error
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise DeployFailed(f"{path} must be a JSON object of strings")
    return {name: value for name, value in found.items() if not name.startswith("_")}


def _run(command: list[str], environment: dict[str, str] | None, quiet: bool) -> None:
    if not quiet:
        print(f"+ {shlex.join(command)}", flush=True)
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = f":\n{done.stdout.strip()}" if quiet and done.stdout else ""
        raise DeployFailed(f"`{shlex.join(command[:3])}` ended with {done.returncode}{said}")


def main() -> None:
    """The command line of `make deploy`."""
    reader = argparse.ArgumentParser(description="Package and deploy template.yaml to AWS.")
    reader.add_argument("--stage", required=True, help="the template's Stage; the stack is spacehook-STAGE")
    reader.add_argument("--bucket", required=True, help="S3 bucket for the functions' code, in the stack's region")
    reader.add_argument("--architecture", choices=["arm64", "x86_64"], default="arm64")
    reader.add_argument("--parameters", type=Path, help="JSON file of parameters (infra/parameters/example.json)")
    reader.add_argument("--aws", default="aws", help="the AWS CLI's executable")
    given = reader.parse_args()
    if given.stage == "local":
        sys.exit("deploy: 'local' is the stage of the local cloud, whose parameters open the guard: choose another name")
    try:
        parameters = read_parameters(given.parameters) if given.parameters else {}
        parameters |= {"Stage": given.stage, "Architecture": given.architecture}
        deploy(
            aws=given.aws,
            template=ROOT / "template.yaml",
            packaged=ROOT / "packaged.yaml",
            bucket=given.bucket,
            stack=f"spacehook-{given.stage}",
            parameters=parameters,
        )
    except DeployFailed as error:
        sys.exit(f"deploy: {error}")


if __name__ == "__main__":
    main()
