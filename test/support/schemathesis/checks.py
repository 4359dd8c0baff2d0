"""What schemathesis checks of this API, where its own checks do not know the API's words."""

import os
import zlib

import schemathesis
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import TestPhase
from schemathesis.specs.openapi.checks import missing_required_header, positive_data_acceptance

# A request that fits the description may be refused for what it means: a repository that the allow-list does not admit, an
# amount above its ceiling, a cursor that the API did not make. The API says so by these types of a 400.
REFUSALS_OF_MEANING = {"urn:cody-batch:problem:value-not-accepted"}

# The local stack refuses a caller without its secret by 403 on every endpoint; a deployment answers 401.
NO_SECRET = "urn:cody-batch:problem:secret-needed"


def problem_type(response):
    if "json" not in response.headers.get("content-type", [""])[0]:
        return None
    return response.json().get("type")


@schemathesis.check
def accepted_or_refused_for_its_meaning(ctx, response, case):
    if response.status_code == 400 and problem_type(response) in REFUSALS_OF_MEANING:
        return None
    return positive_data_acceptance(ctx, response, case)


@schemathesis.check
def missing_header_or_secret_refused(ctx, response, case):
    if response.status_code == 403 and problem_type(response) == NO_SECRET:
        return None
    return missing_required_header(ctx, response, case)


NO_JOB = "job-00000000000000000000000000"


@schemathesis.hook
def before_call(ctx, case, kwargs):
    """Names the job that is there in half of the valid paths, since a generated identifier names none, and never deletes it."""
    given = case.path_parameters
    if not given or "jobId" not in given or case.meta is None or case.meta.is_negative_at(ParameterLocation.PATH):
        return
    if case.method.upper() == "DELETE":
        if given["jobId"] == os.environ["JOB_ID"]:
            given["jobId"] = NO_JOB
        return
    # The stateful phase has identifiers of its own, and knows which of them it has deleted.
    if case.meta.phase.name == TestPhase.STATEFUL or zlib.crc32(repr(sorted(given.items())).encode()) % 2:
        return
    known = {"jobId": os.environ["JOB_ID"], "owner": "local", "name": "sample"}
    given.update({name: known[name] for name in given if name in known})
