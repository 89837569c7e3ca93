"""Builds the extension against the hal that is installed."""

from Cython.Build import cythonize
from setuptools import Extension, setup

import hal

setup(
    ext_modules=cythonize(
        [
            Extension(
                "best_fit_cython",
                ["best_fit_cython.pyx"],
                include_dirs=[hal.get_include()],
                extra_compile_args=["-O3", "-ffp-contract=off"],
            )
        ]
    )
)
