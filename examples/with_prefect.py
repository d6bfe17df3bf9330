"""The pipeline under Prefect, its tasks in several worker processes: python examples/with_prefect.py

Prefect decides what runs when; Stardag decides where outputs go and knows what is complete. The process of the flow
registers the build; its workers have `build.environment()` in theirs and join it.
"""

import os

import pipeline
from prefect import flow, task
from prefect.task_runners import ProcessPoolTaskRunner

import stardag

WORKERS = 3


@task
def features(region: str) -> str:
    """One region, on a worker."""
    with stardag.build(pipeline.BUILD) as build:
        pipeline.features(build, region)
    return region


@task
def model(regions: list[str]) -> str:
    """Model and report, on a worker, once the features of all regions are there."""
    with stardag.build(pipeline.BUILD) as build:
        pipeline.train(build, regions)
        return pipeline.report(build, regions)


@flow(task_runner=ProcessPoolTaskRunner(max_workers=WORKERS))
def nightly() -> str:
    """All of it."""
    regions = features.map(list(pipeline.REGIONS))
    return model.submit(regions).result()


if __name__ == "__main__":
    with stardag.build(pipeline.BUILD, description="Under Prefect") as build:
        os.environ.update(build.environment())  # Prefect gives its workers the variables of this process
        print(nightly())
