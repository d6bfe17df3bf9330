"""The pipeline on a Dask cluster of several worker processes: python examples/with_dask.py

The driver registers the build. Its workers are given `build.environment()` and nothing else: each resolves by that
alone and joins the build. Workers on other machines are given the same variables, and an API key of their own.
"""

import pipeline
from distributed import Client, LocalCluster

import stardag

WORKERS = 3


def features(region: str) -> str:
    """One region, on a worker."""
    with stardag.build(pipeline.BUILD) as build:
        pipeline.features(build, region)
    return region


def model(regions: list[str]) -> str:
    """Model and report, on a worker, once the features of all regions are there."""
    with stardag.build(pipeline.BUILD) as build:
        pipeline.train(build, regions)
        return pipeline.report(build, regions)


if __name__ == "__main__":
    with (
        stardag.build(pipeline.BUILD, description="On a Dask cluster") as build,
        LocalCluster(
            n_workers=WORKERS, threads_per_worker=1, dashboard_address=None, env=build.environment()
        ) as cluster,
        Client(cluster) as client,
    ):
        regions = client.map(features, pipeline.REGIONS, pure=False)
        print(client.submit(model, regions, pure=False).result())
