"""What Python libraries take for the same work: reads a request from the standard input, writes one line of JSON."""

import json
import sys
import time

import numpy
from hawkes import multivariate


def timed(work):
    passed, processor = time.perf_counter(), time.process_time()
    answer = work()
    return answer, 1e3 * (time.perf_counter() - passed), 1e3 * (time.process_time() - processor)


def hawkes(request):
    times = numpy.array(request["times"])
    types = numpy.array(request["types"])
    events = [times[types == one].copy() for one in (0, 1)]
    fit, passed, processor = timed(lambda: multivariate.fit(events, request["horizon"]))
    return {"answer": -fit.negative_log_likelihood, "passed": passed, "processor": processor}


def value_at_risk(request):
    weights = numpy.array(request["weights"])
    n = len(weights)
    covariance = numpy.array(request["covariance"]).reshape(n, n)
    random = numpy.random.default_rng(1)

    def work():
        factor = numpy.linalg.cholesky(covariance)
        losses = -(random.standard_normal((request["count"], n)) @ factor.T) @ weights
        losses.sort()
        return losses[int(numpy.ceil(request["count"] * 0.99)) - 1]

    answer, passed, processor = timed(work)
    return {"answer": float(answer), "passed": passed, "processor": processor}


request = json.load(sys.stdin)
repeats = range(request["repeats"])
print(
    json.dumps(
        {
            "hawkes": [hawkes(request["hawkes"]) for _ in repeats],
            "valueAtRisk": [value_at_risk(request["valueAtRisk"]) for _ in repeats],
        }
    )
)
