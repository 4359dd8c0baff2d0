"""Reads commands of the AWS CLI, one a line, each a JSON list of its arguments behind `aws`, and prints one line of JSON for each:
what botocore's own service model says is wrong with it, or null."""

import json
import sys

import botocore.session
from botocore import xform_name

# Options of the CLI itself.
GLOBAL = {"--region", "--profile", "--query", "--output", "--endpoint-url", "--no-cli-pager", "--cli-input-json", "--debug",
          "--max-items", "--page-size", "--starting-token", "--no-paginate", "--cli-binary-format", "--no-sign-request"}
# Commands that the CLI has beside the operations of the services, with their options.
CUSTOM = {
    ("ecr", "get-login-password"): set(),
    ("logs", "tail"): {"--follow", "--since", "--format", "--filter-pattern", "--log-stream-names",
                       "--log-stream-name-prefix"},
    ("s3", "ls"): {"--recursive", "--human-readable", "--summarize"},
    ("s3", "cp"): {"--recursive", "--exclude", "--include", "--dryrun", "--only-show-errors"},
    ("s3", "sync"): {"--exclude", "--include", "--dryrun", "--delete", "--only-show-errors"},
    ("s3", "rm"): {"--recursive", "--exclude", "--include", "--dryrun"},
}
# Options by which the CLI fills a parameter that is laborious to write.
SHORT = {("cloudfront", "create-invalidation"): {"--paths": "InvalidationBatch"}}
session = botocore.session.get_session()


def fault(arguments):
    service, name = arguments[0], arguments[1]
    options = [argument for argument in arguments[2:] if argument.startswith("--")]
    if (service, name) in CUSTOM:
        unknown = set(options) - CUSTOM[(service, name)] - GLOBAL
        return f"{service} {name} has no {', '.join(sorted(unknown))}" if unknown else None
    if service not in session.get_available_services():
        return f"there is no service {service}"
    if name == "wait":
        waiter = arguments[2]
        waiters = session.get_waiter_model(service).waiter_names
        found = [each for each in waiters if xform_name(each, "-") == waiter]
        if not found:
            return f"{service} has no waiter {waiter}"
        operation = session.get_waiter_model(service).get_waiter(found[0]).operation
    else:
        operations = {xform_name(each, "-"): each for each in session.get_service_model(service).operation_names}
        if name not in operations:
            return f"{service} has no operation {name}"
        operation = operations[name]
    shape = session.get_service_model(service).operation_model(operation).input_shape
    members = shape.members if shape else {}
    known = {f"--{xform_name(member, '-')}": member for member in members} | SHORT.get((service, name), {})
    plain = {option.replace("--no-", "--", 1) if option not in known else option for option in options} - GLOBAL
    unknown = plain - set(known)
    if unknown:
        return f"{service} {name} has no {', '.join(sorted(unknown))}"
    if "--cli-input-json" in options:
        return None
    given = {known[option] for option in plain}
    missing = set(shape.required_members if shape else []) - given
    return f"{service} {name} needs {', '.join(sorted(missing))}" if missing else None


for line in sys.stdin:
    arguments = json.loads(line)
    try:
        print(json.dumps(fault(arguments)))
    except Exception as error:
        print(json.dumps(f"{type(error).__name__}: {error}"))
