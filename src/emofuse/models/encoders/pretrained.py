"""Opening and freezing of published transformers, for the encoders that stand on one."""

from pathlib import Path
from typing import Any

from emofuse.errors import ConfigError

WEIGHT_FILES = ("model.safetensors", "model.safetensors.index.json")


def open_network(source: str, what: str) -> Any:
    """The network of a folder or hub name, which it keeps as ``opened_from``. A folder without weights gives one
    with fresh ones: that is how a bundle, which carries its own weights, is opened.

    Raises:
        ConfigError: there is no ``what`` ("text encoder") that can be read, or its weights are pickled.
    """
    from transformers import AutoConfig, AutoModel
    from transformers.utils import logging

    logging.disable_progress_bar()
    folder = Path(source)
    bare = folder.is_dir() and not any((folder / name).is_file() for name in WEIGHT_FILES)
    if bare and (other := sorted(folder.glob("*.bin"))):
        raise ConfigError(f"{other[0]}: weights are read from safetensors only; convert them")
    # Code that lies beside a model is never run.
    options = {"trust_remote_code": False}
    try:
        if bare:
            network = AutoModel.from_config(AutoConfig.from_pretrained(folder, **options), **options)
        else:
            network = AutoModel.from_pretrained(source, use_safetensors=True, **options)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{source}: no {what} that can be read ({str(error).splitlines()[0]})") from error
    network.opened_from = source
    return network


def freeze(network: Any, train_layers: int) -> None:
    """Leave only the upper ``train_layers`` transformer layers to be trained; all of the network if negative.

    Raises:
        ConfigError: the network has fewer layers.
    """
    if train_layers < 0:
        return
    layers = _layers(network)
    if train_layers > len(layers):
        raise ConfigError(f"train_layers is {train_layers}, the encoder has {len(layers)} layers")
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    for layer in layers[len(layers) - train_layers :]:
        for parameter in layer.parameters():
            parameter.requires_grad_(True)


def _layers(network: Any) -> Any:
    """The stack of transformer layers, under whichever of its usual names."""
    for owner in (getattr(network, "encoder", None), getattr(network, "transformer", None), network):
        for name in ("layer", "layers"):
            if (found := getattr(owner, name, None)) is not None:
                return found
    return ()
