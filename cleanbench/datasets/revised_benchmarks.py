"""What SelfClean's revised benchmarks are: sizes, files, and how an image is named in their lists."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Benchmark:
    """A dermatology benchmark that SelfClean's authors cleaned.

    Attributes:
        size: Images, as published.
        description: What they show.
        citation: What to cite, besides SelfClean.
        depth: How many last parts of a path name an image in the lists: 1, or 2 where it lies in a folder of its class
            or case.
        parent: End of the folder of an image, where other files of that kind lie beside; empty: any.
        table: File name of the published table, or empty if it is not a CSV file.
        files: Columns of that table that name images; the whole list may be one column after the other.
        label: Column of the label; empty where the folder is the label.
        group: Column of what images share.
        licence: Of the images.
        redistributable: Whether images may be passed on, see `Card`.
        commercial: Whether it allows commercial use; None: not stated.
        grouping: Which images belong together.
    """

    size: int
    description: str
    citation: str
    depth: int = 1
    parent: str = ""
    table: str = ""
    files: tuple[str, ...] = ()
    label: str = ""
    group: str = ""
    licence: str = "not stated"
    redistributable: bool = False
    commercial: bool | None = None
    grouping: str = ""


BENCHMARKS: Mapping[str, Benchmark] = {
    "MED-NODE": Benchmark(
        170,
        "Clinical photographs of naevi and melanomas",
        "Giotis et al., MED-NODE: A computer-assisted melanoma diagnosis system using non-dermoscopic images, "
        "Expert Systems with Applications (2015)",
        depth=2,
    ),
    "PH2": Benchmark(
        200,
        "Dermoscopic images of melanocytic lesions",
        "Mendonça et al., PH2: A dermoscopic image database for research and benchmarking, EMBC (2013)",
        parent="_Dermoscopic_Image",
    ),
    "DDI": Benchmark(
        656,
        "Clinical photographs of skin diseases, over skin tones",
        "Daneshjou et al., Disparities in dermatology AI performance on a diverse, curated clinical image set, "
        "Science Advances (2022)",
        table="ddi_metadata.csv",
        files=("DDI_file",),
        label="disease",
        licence="Stanford University Dataset Research Use Agreement",
        commercial=False,
    ),
    "Derm7pt": Benchmark(
        2022,
        "A clinical photograph and a dermoscopic image of each of 1,011 cases",
        "Kawahara et al., Seven-point checklist and skin lesion classification using multitask multimodal neural "
        "nets, IEEE Journal of Biomedical and Health Informatics (2019)",
        depth=2,
        table="meta.csv",
        files=("clinic", "derm"),
        label="diagnosis",
        group="case_num",
        grouping="case_num names the case, of one clinical and one dermoscopic image",
    ),
    "PAD-UFES-20": Benchmark(
        2298,
        "Smartphone photographs of skin lesions",
        "Pacheco et al., PAD-UFES-20: A skin lesion dataset composed of patient data and clinical images collected "
        "from smartphones, Data in Brief (2020)",
        table="metadata.csv",
        files=("img_id",),
        label="diagnostic",
        group="lesion_id",
        licence="CC-BY-4.0",
        redistributable=True,
        commercial=True,
        grouping="lesion_id names the lesion, patient_id the patient",
    ),
    "SD-128": Benchmark(
        5619,
        "Clinical photographs of 128 skin diseases",
        "Sun et al., A benchmark for automatic visual classification of clinical skin disease images, ECCV (2016)",
        depth=2,
    ),
}
