"""ImageNet weights of keras.applications, laid out for torchvision's networks."""

import numpy as np

# What Keras' weights are for: BGR in 0..255 less this mean (here in RGB).
KERAS_MEAN = np.array([123.68, 116.779, 103.939])
MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def download(name):
    """`{variable: array}` of the network `name` of keras.applications, trained on ImageNet.

    Raises:
        ValueError: its weights can't be downloaded.
    """
    import keras

    try:
        model = getattr(keras.applications, name)(weights="imagenet")
    except Exception as error:  # Keras raises a bare Exception where there is no network
        raise ValueError(
            f"The weights of keras.applications.{name} can't be downloaded: {error}. Give a "
            "torchvision .pth file as --pretrained."
        ) from error
    return {variable.path: variable.numpy() for variable in model.variables}


def of_vgg(blocks, arrays):
    """`{variable here: array}` of a VGG, but for its last layer.

    The same function as Keras' but for the borders, where the means of the two differ by half a
    grey level.

    Args:
        blocks: convolutions of each block.
        arrays: `{variable of keras.applications: array}`.
    """
    found, index = {}, 0
    for block, count in enumerate(blocks, 1):
        for number in range(1, count + 1):
            source = f"block{block}_conv{number}"
            found[f"features.{index}/kernel"] = arrays[f"{source}/kernel"]
            found[f"features.{index}/bias"] = arrays[f"{source}/bias"]
            index += 2
        index += 1
    wide = arrays["fc1/kernel"]
    # Keras flattens by row, column, channel; PyTorch by channel, row, column.
    wide = wide.reshape(7, 7, 512, -1).transpose(2, 0, 1, 3).reshape(wide.shape)
    found |= {"classifier.0/kernel": wide, "classifier.0/bias": arrays["fc1/bias"]}
    found["classifier.3/kernel"] = arrays["fc2/kernel"]
    found["classifier.3/bias"] = arrays["fc2/bias"]
    kernel, offset = _for_normalized(found["features.0/kernel"])
    found |= {"features.0/kernel": kernel, "features.0/bias": found["features.0/bias"] + offset}
    return found


def of_resnet(stages, arrays):
    """`{variable here: array}` of a ResNet from 50 layers on, but for its last layer.

    Keras' ResNets have their stride in the first 1x1 convolution, those here in the 3x3: their
    weights are a start for training, not the same function.

    Args:
        stages: blocks of each stage.
        arrays: `{variable of keras.applications: array}`.
    """
    found, kernel = {}, arrays["conv1_conv/kernel"]
    found["conv1/kernel"], offset = _for_normalized(kernel)
    found |= _norm("bn1", arrays, "conv1_bn", arrays["conv1_conv/bias"] + offset)
    for stage, count in enumerate(stages):
        for block in range(count):
            here, source = f"layer{stage + 1}.{block}", f"conv{stage + 2}_block{block + 1}"
            pairs = [(f"{here}.conv{n}", f"{here}.bn{n}", f"{source}_{n}") for n in (1, 2, 3)]
            if block == 0:
                names = (f"{here}.downsample.0", f"{here}.downsample.1", f"{source}_0")
                pairs.append(names)
            for layer, norm, keras_name in pairs:
                found[f"{layer}/kernel"] = arrays[f"{keras_name}_conv/kernel"]
                bias = arrays[f"{keras_name}_conv/bias"]
                found |= _norm(norm, arrays, f"{keras_name}_bn", bias)
    return found


def _norm(name, arrays, source, bias):
    """A batch norm that takes in the bias of the convolution before it, which has none here."""
    leaves = ("gamma", "beta", "moving_mean", "moving_variance")
    found = {f"{name}/{leaf}": arrays[f"{source}/{leaf}"] for leaf in leaves}
    found[f"{name}/moving_mean"] = found[f"{name}/moving_mean"] - bias
    return found


def _for_normalized(kernel):
    """A first kernel for normalised RGB, and what it adds to the bias."""
    rgb = kernel[:, :, ::-1].astype(np.float64)  # [size, size, 3, filters]
    offset = (rgb * (255 * MEAN - KERAS_MEAN)[:, None]).sum(axis=(0, 1, 2))
    scaled = rgb * (255 * STD)[:, None]
    return scaled.astype(np.float32), offset.astype(np.float32)
