"""The pipeline as a plain script: python examples/plain.py"""

import pipeline

import stardag

with stardag.build(pipeline.BUILD, description="As a plain script") as build:
    for region in pipeline.REGIONS:
        pipeline.features(build, region)
    pipeline.train(build, pipeline.REGIONS)
    print(pipeline.report(build, pipeline.REGIONS))
