"""Flags of GPQ. They mirror youngkyunJang/GPQ, config.py."""

ALIASES = {
    "n_book": "num_codebooks",
    "bn_word": "codeword_bits",
    "len_code": "codeword_length",
    "lam_1": "entropy_weight",
    "lam_2": "classification_weight",
    "total_epochs": "epochs",
    "save_term": "save_every",
    "model_save_path": "model",
    "model_load_path": "model",
    "cifar10_label_sim_path": "relevance",
    "ImagNet_pretrained_path": "pretrained",
    "n_CLASSES": "num_classes",
    "n_DB": "R",
    "n_bits": "bits",
}
IGNORED = {
    "img_channels": "images have three channels.",
    "intn_word": "it is 2 to the power of --bn_word.",
    "per_process_gpu_memory_fraction": "TensorFlow takes the memory that it needs.",
}
