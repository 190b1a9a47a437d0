"""Operations of our own, written as Kornia's are. Exported code carries them."""
