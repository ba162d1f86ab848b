// Package bundle reads a directory of models and proves each before it is given out: every file by
// size and SHA-256, the feature schema, the trees, and the golden predictions made by the trainer.
//
// Layout: manifest.json names each model's folder and the digest of its manifest.json, which names
// the folder's other files by size and digest. The digest of the model's manifest therefore stands
// for all of them and is the model's digest. An operator who drops in a booster trained elsewhere
// writes the same two manifests; the booster's file is XGBoost's own JSON.
//
// Sizes are checked before anything is read, so a hostile file costs no memory.
package bundle
