// Package models embeds the artifacts that Guardy serves when no other source is configured. The
// artifacts are made by models/training; a model never ships without its card.
package models

import "embed"

// FS holds manifest.json and one folder for each model.
//
//go:embed manifest.json risk_scorer nowcaster anomaly_detector
var FS embed.FS
