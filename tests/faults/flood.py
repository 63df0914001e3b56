"""Complaints that keep coming while something is hurt, and what was acknowledged of them."""

import os
import threading
import time
from collections import Counter

import httpx

#: Complaints that pass during a fault; the short form has a thousand.
ROWS = int(os.environ.get("BEEJAN_FAULT_ROWS", "20000"))

#: From so many on a run is no short form.
FULL = 10_000

#: Texts repeat, so that a flood is not a benchmark of the embedder; each fault has its own.
_TEXTS = 50


def times(number):
    """How often a fault is repeated: as asked for in full, a fifth of it in the short form."""
    return number if ROWS >= FULL else max(1, number // 5)


class Flood(threading.Thread):
    """Posts complaints, each request again and again until it is answered; keeps the acknowledged ids.

    Args:
        engine: where to send; it may be started again at another address meanwhile.
        name: of the fault; part of every id and text.
        rows: how many in all.
        padding: characters added to each record.
    """

    def __init__(self, engine, name, rows=ROWS, padding=0, batch=100):
        super().__init__(daemon=True)
        self.engine, self.fault, self.rows, self.padding = engine, name, rows, padding
        self.batch = max(1, min(batch, rows // 20))
        self.acknowledged, self.refused, self.failure = [], Counter(), None
        self._allowed = rows
        self._more = threading.Condition()
        self._probes = self._extra = self._sent = 0

    def run(self):
        try:
            while self._sent < self.rows:
                with self._more:
                    self._more.wait_for(lambda: self._allowed > self._sent)
                    upto = min(self._sent + self.batch, self._allowed)
                self.acknowledged.extend(self.send([self.record(n) for n in range(self._sent, upto)]))
                self._sent = upto
        except BaseException as error:
            self.failure = error

    def record(self, number):
        text = f"complaint {number % _TEXTS} about the network, after {self.fault}"
        record = {"id": f"{self.fault}-{number}", "text": text}
        return record | ({"note": "x" * self.padding} if self.padding else {})

    def send(self, records):
        """Until the answer is 202; anything but "try again" is a failure."""
        while True:
            try:
                headers = {"Authorization": f"Bearer {self.engine.key}"}
                answer = httpx.post(f"{self.engine.url}/v1/complaints", json=records, headers=headers, timeout=30)
            except httpx.HTTPError as error:
                self.refused[type(error).__name__] += 1
            else:
                if answer.status_code == 202:
                    return answer.json()["event_ids"]
                self.refused[answer.status_code] += 1
                # Ray Serve's proxy, before it knows the API's routes, answers 404 in plain text.
                starting = answer.status_code == 404 and "problem+json" not in answer.headers.get("content-type", "")
                assert starting or answer.status_code == 429 or answer.status_code >= 500, answer.text[:500]
            time.sleep(0.2)

    def allow(self, rows):
        with self._more:
            self._allowed = rows
            self._more.notify()

    def wait_acknowledged(self, rows, limit_s=600):
        """Until this many are acknowledged."""
        deadline = time.monotonic() + limit_s
        while len(self.acknowledged) < rows:
            assert self.failure is None, repr(self.failure)
            assert time.monotonic() < deadline, f"{len(self.acknowledged)} of {rows} acknowledged; {self.refused}"
            time.sleep(0.02)

    def more(self, number):
        """Send this many beside the others, now."""
        self._extra += number
        self.acknowledged.extend(self.send([self.record(self.rows + self._extra - n - 1) for n in range(number)]))

    def probe(self, limit_s=600):
        """Seconds until one more complaint is taken and stored: until the engine is well again."""
        self._probes += 1
        started = time.monotonic()
        text = f"is anybody there, after {self.fault}"
        (event_id,) = self.send([{"id": f"{self.fault}-probe-{self._probes}", "text": text}])
        self.acknowledged.append(event_id)
        while states(self.engine, [event_id]) != ["stored"]:
            assert time.monotonic() < started + limit_s, f"not well again within {limit_s} s after {self.fault}"
            time.sleep(0.1)
        return time.monotonic() - started

    def finish(self, limit_s=1800):
        """Send the rest."""
        self.allow(self.rows)
        self.join(limit_s)
        assert self.failure is None, repr(self.failure)
        assert not self.is_alive(), f"{len(self.acknowledged)} of {self.rows} acknowledged; {self.refused}"


def states(engine, ids):
    """What became of each id; unknown while nobody answers."""
    try:
        headers = {"Authorization": f"Bearer {engine.key}"}
        answer = httpx.post(f"{engine.url}/v1/complaints/lookup", json={"ids": ids}, headers=headers, timeout=60)
    except httpx.HTTPError:
        return ["unknown"] * len(ids)
    return answer.json()["states"] if answer.status_code == 200 else ["unknown"] * len(ids)


def under(flood, repetitions, fault):
    """Run a flood in equal shares; the fault strikes in the middle of each, and is recovered from before the next.

    Returns:
        The seconds of each recovery; everything is sent and acknowledged.
    """
    flood.allow(0)
    flood.start()
    seconds = []
    for number in range(repetitions):
        before = len(flood.acknowledged)
        share = flood.rows * (number + 1) // repetitions
        flood.allow(share)
        flood.wait_acknowledged(min((before + share) // 2, share))
        fault()
        seconds.append(flood.probe())
    flood.finish()
    return seconds
