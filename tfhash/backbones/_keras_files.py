"""The ImageNet weights of keras.applications without classifiers, as Keras publishes them."""

import typing

STORE = "https://storage.googleapis.com"
KERAS = f"{STORE}/tensorflow/keras-applications"
ORDERED = "_weights_tf_dim_ordering_tf_kernels"
# {folder: {class: (name of the file without .h5, its MD5 or SHA-256)}}; Keras has no sum of some.
FOLDERS = {
    f"{KERAS}/mobilenet_v3": {
        "MobileNetV3Small": (
            "weights_mobilenet_v3_small_224_1.0_float_no_top_v2",
            "d3e8ec802a04aa4fc771ee12a9a9b836",
        ),
        "MobileNetV3Large": (
            "weights_mobilenet_v3_large_224_1.0_float_no_top_v2",
            "07fb09a5933dd0c8eaafa16978110389",
        ),
    },
    f"{KERAS}/convnext": {
        "ConvNeXtBase": (
            "convnext_base_notop",
            "40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45",
        ),
        "ConvNeXtLarge": (
            "convnext_large_notop",
            "96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd",
        ),
        "ConvNeXtSmall": (
            "convnext_small_notop",
            "6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab",
        ),
        "ConvNeXtTiny": (
            "convnext_tiny_notop",
            "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
        ),
        "ConvNeXtXLarge": (
            "convnext_xlarge_notop",
            "de3f8a54174130e0cecdc71583354753d557fcf1f4487331558e2a16ba0cfe05",
        ),
    },
    f"{KERAS}/densenet": {
        "DenseNet121": (f"densenet121{ORDERED}_notop", "30ee3e1110167f948a6b9946edeeb738"),
        "DenseNet169": (f"densenet169{ORDERED}_notop", "b8c4d4c20dd625c148057b9ff1c1176b"),
        "DenseNet201": (f"densenet201{ORDERED}_notop", "c13680b51ded0fb44dff2d8f86ac8bb1"),
    },
    f"{STORE}/keras-applications": {
        "EfficientNetB0": ("efficientnetb0_notop", "50bc09e76180e00e4465e1a485ddc09d"),
        "EfficientNetB1": ("efficientnetb1_notop", "74c4e6b3e1f6a1eea24c589628592432"),
        "EfficientNetB2": ("efficientnetb2_notop", "111f8e2ac8aa800a7a99e3239f7bfb39"),
        "EfficientNetB3": ("efficientnetb3_notop", "af6d107764bb5b1abb91932881670226"),
        "EfficientNetB4": ("efficientnetb4_notop", "ebc24e6d6c33eaebbd558eafbeedf1ba"),
        "EfficientNetB5": ("efficientnetb5_notop", "38879255a25d3c92d5e44e04ae6cec6f"),
        "EfficientNetB6": ("efficientnetb6_notop", "9ecce42647a20130c1f39a5d4cb75743"),
        "EfficientNetB7": ("efficientnetb7_notop", "cbcfe4450ddf6f3ad90b1b398090fe4a"),
    },
    f"{KERAS}/efficientnet_v2": {
        "EfficientNetV2B0": ("efficientnetv2-b0_notop", "893217f2bb855e2983157299931e43ff"),
        "EfficientNetV2B1": ("efficientnetv2-b1_notop", "0e80663031ca32d657f9caa404b6ec37"),
        "EfficientNetV2B2": ("efficientnetv2-b2_notop", "1dfe2e7a5d45b6632553a8961ea609eb"),
        "EfficientNetV2B3": ("efficientnetv2-b3_notop", "f6abf7b5849ac99a89b50dd3fd532856"),
        "EfficientNetV2L": ("efficientnetv2-l_notop", "b0b66b5c863aef5b46e8608fe1711615"),
        "EfficientNetV2M": ("efficientnetv2-m_notop", "1b8dc055df72dde80d614482840fe342"),
        "EfficientNetV2S": ("efficientnetv2-s_notop", "af0682fb74e8c54910f2d4393339c070"),
    },
    f"{KERAS}/inception_resnet_v2": {
        "InceptionResNetV2": (
            f"inception_resnet_v2{ORDERED}_notop",
            "d19885ff4a710c122648d3b5c3b684e4",
        ),
    },
    f"{KERAS}/inception_v3": {
        "InceptionV3": (f"inception_v3{ORDERED}_notop", "bcbd6486424b2319ff4ef7d526e38f63"),
    },
    f"{KERAS}/mobilenet": {
        "MobileNet": ("mobilenet_1_0_224_tf_no_top", ""),
    },
    f"{KERAS}/mobilenet_v2": {
        "MobileNetV2": (f"mobilenet_v2{ORDERED}_1.0_224_no_top", ""),
    },
    f"{KERAS}/nasnet": {
        "NASNetLarge": ("nasnet_large_no_top", "d81d89dc07e6e56530c4e77faddd61b5"),
        "NASNetMobile": ("nasnet_mobile_no_top", "1ed92395b5b598bdda52abe5c0dbfd63"),
    },
    f"{KERAS}/resnet": {
        "ResNet101": (f"resnet101{ORDERED}_notop", "88cf7a10940856eca736dc7b7e228a21"),
        "ResNet101V2": (f"resnet101v2{ORDERED}_notop", "c0ed64b8031c3730f411d2eb4eea35b5"),
        "ResNet152": (f"resnet152{ORDERED}_notop", "ee4c566cf9a93f14d82f913c2dc6dd0c"),
        "ResNet152V2": (f"resnet152v2{ORDERED}_notop", "ed17cf2e0169df9d443503ef94b23b33"),
        "ResNet50": (f"resnet50{ORDERED}_notop", "4d473c1dd8becc155b73f8504c6f6626"),
        "ResNet50V2": (f"resnet50v2{ORDERED}_notop", "fac2f116257151a9d068a22e544a4917"),
    },
    f"{KERAS}/vgg16": {
        "VGG16": (f"vgg16{ORDERED}_notop", "6d6bbae143d832006294945121d1f1fc"),
    },
    f"{KERAS}/vgg19": {
        "VGG19": (f"vgg19{ORDERED}_notop", "253f8cb515780f3b799900260a226db6"),
    },
    f"{KERAS}/xception": {
        "Xception": (f"xception{ORDERED}_notop", "b0042744bf5b25fce3cb969f33bebb97"),
    },
}
RENAMED = {  # of the files that have another name where they are published
    "nasnet_large_no_top": "NASNet-large-no-top",
    "nasnet_mobile_no_top": "NASNet-mobile-no-top",
}


class File(typing.NamedTuple):
    """A file of weights: its name in Keras' cache, where it is published, its sum or ""."""

    name: str
    url: str
    digest: str


FILES = {
    member: File(f"{stem}.h5", f"{folder}/{RENAMED.get(stem, stem)}.h5", digest)
    for folder, members in FOLDERS.items()
    for member, (stem, digest) in members.items()
}
