"""Made-up sources, images and spectra for DaCHS; the same at every call."""

from pathlib import Path

import numpy as np
from astropy.io import fits

SOURCES = 2000
IMAGES = 20
SPECTRA = 10
FIELDS = 50

_IMAGE_SIZE = 64
_BANDS = ["Johnson V", "Johnson R", "Johnson B", "SDSS i"]


def write(inputs: Path) -> None:
    """Write the files that the resources `cat`, `img` and `spec` import."""
    rng = np.random.default_rng(20261122)
    fields = np.c_[rng.uniform(0, 360, FIELDS), np.degrees(np.arcsin(rng.uniform(-1, 1, FIELDS)))]
    for resource, make in (("cat", _sources), ("img", _images), ("spec", _spectra)):
        data = inputs / resource / "data"
        data.mkdir(parents=True)
        make(rng, fields, data)


def _sources(rng: np.random.Generator, fields: np.ndarray, data: Path) -> None:
    """Half of them uniform on the sphere, half clustered round the fields."""
    half = SOURCES // 2
    near = fields[rng.integers(0, FIELDS, SOURCES - half)] + rng.normal(0, 1, (SOURCES - half, 2))
    ra = np.r_[rng.uniform(0, 360, half), near[:, 0] % 360]
    dec = np.r_[np.degrees(np.arcsin(rng.uniform(-1, 1, half))), np.clip(near[:, 1], -90, 90)]
    magnitude, colour = rng.uniform(5, 21, SOURCES), rng.normal(0.9, 0.4, SOURCES)
    parallax = np.abs(rng.normal(1, 2, SOURCES))
    motion = rng.normal(0, 10, (SOURCES, 2))
    velocity, has_velocity = rng.normal(0, 40, SOURCES), rng.random(SOURCES) < 0.3
    kind = rng.choice(["STAR", "GALAXY", "QSO"], SOURCES, p=[0.8, 0.17, 0.03])
    with (data / "src.csv").open("w") as file:
        file.write("id,name,ra,dec,e_pos,pmra,pmdec,parallax,gmag,bpmag,rpmag,rv,nobs,class\n")
        for i in range(SOURCES):
            blue, red = magnitude[i] + colour[i] / 2, magnitude[i] - colour[i] / 2
            file.write(
                f"{i + 1},ESAPT J{ra[i]:08.4f}{dec[i]:+08.4f},{ra[i]:.7f},{dec[i]:.7f},"
                f"{0.02 + i % 50 / 100:.3f},{motion[i, 0]:.3f},{motion[i, 1]:.3f},"
                f"{parallax[i]:.4f},{magnitude[i]:.3f},{blue:.3f},{red:.3f},"
                f"{f'{velocity[i]:.2f}' if has_velocity[i] else ''},{5 + i % 40},{kind[i]}\n"
            )


def _images(rng: np.random.Generator, fields: np.ndarray, data: Path) -> None:
    """Star fields of a third of a degree, one round each field."""
    y, x = np.mgrid[0:_IMAGE_SIZE, 0:_IMAGE_SIZE]
    for i in range(IMAGES):
        pixels = rng.normal(100, 5, (_IMAGE_SIZE, _IMAGE_SIZE))
        for _ in range(12):
            height, (x0, y0) = rng.uniform(50, 900), rng.uniform(0, _IMAGE_SIZE, 2)
            pixels += height * np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / (2 * 1.5**2))
        ra, dec = fields[i % FIELDS]
        hdu = fits.PrimaryHDU(pixels.astype("f4"))
        hdu.header.update(
            CTYPE1="RA---TAN",
            CTYPE2="DEC--TAN",
            CUNIT1="deg",
            CUNIT2="deg",
            CRVAL1=float(ra),
            CRVAL2=float(np.clip(dec, -85, 85)),
            CRPIX1=_IMAGE_SIZE / 2 + 0.5,
            CRPIX2=_IMAGE_SIZE / 2 + 0.5,
            CDELT1=-0.005,
            CDELT2=0.005,
            EQUINOX=2000.0,
            RADESYS="ICRS",
            FILTER=_BANDS[i % len(_BANDS)],
            OBJECT=f"FIELD {i % FIELDS:02d}",
            EXPTIME=60.0 * (1 + i % 5),
            TELESCOP="ESAP-T1",
            INSTRUME="TESTCAM",
        )
        hdu.header["DATE-OBS"] = f"20{10 + i % 10}-0{1 + i % 9}-1{i % 10}T0{i % 9}:00:00"
        hdu.writeto(data / f"img{i:04d}.fits")


def _spectra(rng: np.random.Generator, fields: np.ndarray, data: Path) -> None:
    """Text files of wavelength in Angstrom and flux, with H alpha in absorption."""
    wavelength = np.linspace(4000, 7000, 600)
    for i in range(SPECTRA):
        flux = 1 + 0.1 * np.sin(wavelength / 300 + i) + rng.normal(0, 0.01, 600)
        flux -= 0.5 * np.exp(-(((wavelength - 6562.8) / 8) ** 2))
        ra, dec = fields[i % FIELDS]
        header = (
            f"{ra:f} {np.clip(dec, -85, 85):f} STAR{i:04d} "
            f"20{10 + i % 10}-0{1 + i % 9}-1{i % 10}T00:00:00 {300 + i:f}"
        )
        np.savetxt(
            data / f"sp{i:04d}.txt", np.c_[wavelength, flux], fmt=["%.3f", "%.5f"], header=header
        )
