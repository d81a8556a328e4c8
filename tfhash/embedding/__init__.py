"""Images to vectors in one pass, by a backbone or a trained model, for --dataset=embeddings."""
