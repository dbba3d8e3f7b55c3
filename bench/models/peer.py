"""The same work in Python: `peer.py WORKLOAD` reads {repeats, tasks: [{name, input}]} and prints a JSON line
for each task: {"index", "with", "times", "result"} or {"index", "missing"}. The first run of a task is not
counted: it compiles what numba compiles. Each task uses the best of what the requirements install."""

import json
import sys
import time

import numpy as np
import scipy
from scipy import linalg, optimize

try:
    import numba
except ImportError:
    numba = None


def compiled(function):
    return numba.njit(function, fastmath=False) if numba else None


def generator(p):
    q = np.arange(-p["bound"], p["bound"] + 1)
    g, k, s, a = p["riskAversion"], p["arrivalDecay"], p["volatility"], p["arrivalRate"]
    alpha = k * g * s * s / 2
    eta = a * (1 + g / k) ** -(1 + k / g)
    matrix = np.diag(alpha * q.astype(float) ** 2)
    matrix -= eta * (np.eye(len(q), k=1) + np.eye(len(q), k=-1))
    return matrix, np.log1p(g / k) / g, k


def quotes(h, c, k):
    step = (h[:-1] - h[1:]) / k
    return np.append(step, np.inf) + c, np.insert(-step, 0, np.inf) + c


def look_up(p):
    bid, ask = np.array(p["bid"]), np.array(p["ask"])
    held, left = np.array(p["inventories"]), np.array(p["times"])
    bound, buckets, horizon, count = p["bound"], p["buckets"], p["horizon"], p["count"]

    def loop(bid, ask, held, left, bound, buckets, horizon, count):
        total = 0.0
        for at in range(count):
            i = at & 4095
            bucket = int(left[i] / horizon * buckets + 0.5)
            index = bucket * (2 * bound + 1) + held[i] + bound
            total += bid[index] + ask[index]
        return total / count

    run = compiled(loop)
    if run is None:
        return None
    return "numba", lambda: [run(bid, ask, held, left, bound, buckets, horizon, count)], 1e9 / count


def horizon_table(p):
    def work():
        matrix, c, k = generator(p)
        step = linalg.expm(-matrix * (p["horizon"] / p["steps"]))
        v = np.ones(len(matrix))
        scale = 0.0
        for _ in range(p["steps"]):
            v = step @ v
            largest = v.max()
            v /= largest
            scale += np.log(largest)
            # Rounding leaves no sign to the tails: what is not positive has no logarithm.
            h = np.log(np.maximum(v, 1e-300)) + scale
            bid, ask = quotes(h, c, k)
        middle = p["bound"]
        return [bid[middle], bid[middle + 1], ask[middle + 5]]

    return "scipy.linalg.expm", work, 1e3


def stationary_table(p):
    def work():
        matrix, c, k = generator(p)
        diagonal, off = np.diag(matrix), np.diag(matrix, 1)
        _, vector = linalg.eigh_tridiagonal(diagonal, off, select="i", select_range=(0, 0))
        bid, ask = quotes(np.log(np.maximum(np.abs(vector[:, 0]), 1e-300)), c, k)
        middle = p["bound"]
        return [bid[middle], bid[middle + 1], ask[middle + 5]]

    return "scipy.linalg.eigh_tridiagonal", work, 1e3


def multi_asset(p):
    covariance = np.array(p["covariance"])
    a, k = np.array(p["arrivalRates"]), np.array(p["arrivalDecays"])
    q, g = np.array(p["inventories"], dtype=float), p["riskAversion"]

    def work():
        root = np.sqrt(a * k * (1 + g / k) ** -(1 + k / g))
        values, vectors = np.linalg.eigh(root[:, None] * (g * covariance / 8) * root)
        m = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T / root[:, None] / root
        width = np.log1p(g / k) / g + np.diag(m)
        lean = 2 * m @ q
        return [(width + lean)[0], (width - lean)[-1]]

    return "numpy.linalg.eigh", work, 1e3


def hawkes_fit(p):
    times, types = np.array(p["times"]), np.array(p["types"], dtype=np.int64)
    horizon = p["horizon"]

    def objective(theta, times, types, horizon):
        x = np.exp(theta)
        beta = x[2]
        gradient = np.zeros(7)
        value = 0.0
        r, s = np.zeros(2), np.zeros(2)
        last = 0.0
        for n in range(len(times)):
            dt = times[n] - last
            last = times[n]
            fade = np.exp(-beta * dt)
            for j in range(2):
                s[j] = fade * (s[j] + dt * r[j])
                r[j] *= fade
            i = types[n]
            rate = x[i]
            for j in range(2):
                rate += x[3 + 2 * i + j] * beta * r[j]
            value += np.log(rate)
            gradient[i] += 1 / rate
            for j in range(2):
                branch = x[3 + 2 * i + j]
                gradient[3 + 2 * i + j] += beta * r[j] / rate
                gradient[2] += branch * (r[j] - beta * s[j]) / rate
            r[i] += 1
            left = horizon - times[n]
            gone = np.exp(-beta * left)
            for target in range(2):
                branch = x[3 + 2 * target + i]
                value -= branch * (1 - gone)
                gradient[3 + 2 * target + i] -= 1 - gone
                gradient[2] -= branch * left * gone
        value -= (x[0] + x[1]) * horizon
        gradient[0] -= horizon
        gradient[1] -= horizon
        return -value, -gradient * x

    run = compiled(objective)
    if run is None:
        return None
    start = np.log(np.array([*p["baseline"], p["decay"], *p["branching"]]))

    def work():
        found = optimize.minimize(
            run, start, args=(times, types, horizon), jac=True, method="L-BFGS-B",
            options={"maxiter": 500, "ftol": 1e-12, "gtol": 1e-8 * len(times)},
        )
        return [-found.fun]

    return "numba and scipy.optimize (L-BFGS-B)", work, 1e3


def hawkes_rust(p):
    from hawkes import multivariate

    times, types = np.array(p["times"]), np.array(p["types"])
    events = [times[types == one] for one in range(2)]

    def work():
        return [-multivariate.fit(events, horizon=p["horizon"]).negative_log_likelihood]

    return "hawkes-rs (Rust)", work, 1e3


def garch_fit(p):
    from arch import arch_model

    returns = np.array(p["returns"])

    def work():
        model = arch_model(returns, mean="Constant", vol="GARCH", p=1, q=1, rescale=False)
        return [model.fit(disp="off").loglikelihood]

    return "arch", work, 1e3


def hawkes_updates(p):
    times, types = np.array(p["times"]), np.array(p["types"], dtype=np.int64)
    baseline, branching, decay = np.array(p["baseline"]), np.array(p["branching"]), p["decay"]

    def loop(times, types, baseline, branching, decay):
        excitement = np.zeros(2)
        last = 0.0
        for n in range(len(times)):
            fade = np.exp(-decay * (times[n] - last))
            last = times[n]
            for i in range(2):
                excitement[i] = excitement[i] * fade + branching[2 * i + types[n]] * decay
        return baseline + excitement

    run = compiled(loop)
    if run is None:
        return None
    return "numba", lambda: list(run(times, types, baseline, branching, decay)), 1e9 / len(times)


def feature_updates(p):
    bid, bid_quantity = np.array(p["bid"]), np.array(p["bidQuantity"])
    ask, ask_quantity = bid + np.array(p["spread"]), np.array(p["askQuantity"])
    decay, updates = p["decayNs"], p["updates"]

    def loop(bid, bid_quantity, ask, ask_quantity, decay, updates):
        flow = variance = product = square = impact = imbalance = mid = 0.0
        rows = len(bid)
        for update in range(updates):
            at = update & (rows - 1)
            fade = np.exp(-(10_005.0 if update & 1 else 9_995.0) / decay)
            flow, variance = flow * fade, variance * fade
            product, square = product * fade, square * fade
            new = (bid[at] + ask[at]) / 2
            if update > 0:
                old = (update - 1) & (rows - 1)
                step = 0.0
                if bid[at] >= bid[old]:
                    step += bid_quantity[at]
                if bid[at] <= bid[old]:
                    step -= bid_quantity[old]
                if ask[at] <= ask[old]:
                    step -= ask_quantity[at]
                if ask[at] >= ask[old]:
                    step += ask_quantity[old]
                move = new - mid
                flow += step
                variance += move * move
                product += step * move
                square += step * step
                if square > 0:
                    impact = product / square
            mid = new
            imbalance = bid_quantity[at] / (bid_quantity[at] + ask_quantity[at])
        return imbalance, flow, variance, impact

    run = compiled(loop)
    if run is None:
        return None
    work = lambda: list(run(bid, bid_quantity, ask, ask_quantity, decay, updates))
    return "numba", work, 1e9 / updates


def value_at_risk(p):
    weights = np.array(p["weights"])
    covariance = np.array(p["covariance"])
    random = np.random.default_rng(1)

    def work():
        factor = np.linalg.cholesky(covariance)
        draws = random.standard_normal((p["count"], len(weights)))
        losses = np.sort(-(draws @ (factor.T @ weights)))
        rank = int(np.ceil(0.99 * p["count"])) - 1
        return [losses[rank], losses[rank:].mean()]

    return "numpy", work, 1e3


peers = [
    [look_up],
    [horizon_table],
    [stationary_table],
    [multi_asset],
    [hawkes_fit, hawkes_rust],
    [garch_fit],
    [hawkes_updates],
    [feature_updates],
    [value_at_risk],
]


def main():
    with open(sys.argv[1]) as file:
        workload = json.load(file)
    versions = {"numpy": np.__version__, "scipy": scipy.__version__}
    if numba:
        versions["numba"] = numba.__version__
    print(json.dumps({"python": sys.version.split()[0], **versions}), flush=True)
    for index, (task, several) in enumerate(zip(workload["tasks"], peers, strict=True)):
        for peer in several:
            print(json.dumps({"index": index, **measured(peer, task, workload["repeats"])}), flush=True)


def measured(peer, task, repeats):
    try:
        made = peer(task["input"])
    except ImportError as missing:
        return {"missing": str(missing)}
    if made is None:
        return {"missing": "numba is not installed"}
    name, work, scale = made
    work()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        result = work()
        times.append((time.perf_counter() - started) * scale)
    return {"with": name, "times": times, "result": [float(value) for value in result]}


main()
