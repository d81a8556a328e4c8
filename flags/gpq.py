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
}
