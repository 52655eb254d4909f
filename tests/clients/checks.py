"""What the fuzzer holds against an answer of a door whose questions leave for a peer. The peer may be away, refuse, or say what nobody
can read, and a code list of the gateway may lack a code: then it says so with 5xx and the field. Every other 5xx is a defect."""

import schemathesis


@schemathesis.check
def no_defect_of_ours(ctx, response, case):
    if response.status_code < 500:
        return
    told = response.json()
    code = told.get("code", "")
    of_the_peer = response.status_code in (502, 503) and code.startswith(("peer.", "postal."))
    violations = told.get("violations") or [{}]
    of_a_list = code == "contract.violated" and all(wrong.get("rule") == "code" for wrong in violations)
    assert of_the_peer or of_a_list, f"{response.status_code} {code}"
