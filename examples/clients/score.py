#!/usr/bin/env python3
"""Scores records from JSON lines:  python3 score.py https://ctr.example.com < records.jsonl

Prints one probability a line, in the order of the records. The variable DEEPFM_EDGE_TOKEN has the token, where the
Worker wants one. Needs Python 3.8 or newer and nothing else.
"""
import json
import os
import sys
import time
import urllib.error
import urllib.request

BATCH = 500  # records of one request; the Worker takes up to 10,000
ATTEMPTS = 5
TIMEOUT_SECONDS = 10


def score(url, records, token=None):
    """The probabilities of records, a list of dicts. Raises RuntimeError with what the Worker says is wrong."""
    headers = {"content-type": "application/json"}
    if token:
        headers["authorization"] = "Bearer " + token
    body = json.dumps({"records": records}).encode()
    for attempt in range(1, ATTEMPTS + 1):
        request = urllib.request.Request(url.rstrip("/") + "/v1/score", data=body, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
                return json.load(response)["scores"]
        except urllib.error.HTTPError as error:
            # 429 and 503 say when to come again; any other status says what is wrong with the request.
            if error.code not in (429, 503) or attempt == ATTEMPTS:
                raise RuntimeError(f"{error.code}: {error.read().decode(errors='replace')}") from None
            time.sleep(float(error.headers.get("retry-after", "1")))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    token = os.environ.get("DEEPFM_EDGE_TOKEN")
    records = []
    for number, line in enumerate(sys.stdin, 1):
        try:
            records += [json.loads(line)] if line.strip() else []
        except ValueError as error:
            sys.exit(f"line {number}: got no JSON, expected a record ({error})")
    for start in range(0, len(records), BATCH):
        try:
            scores = score(sys.argv[1], records[start : start + BATCH], token)
        except (RuntimeError, OSError) as error:
            sys.exit(f"records {start + 1} to {min(start + BATCH, len(records))}: {error}")
        for probability in scores:
            print(probability)


if __name__ == "__main__":
    main()
