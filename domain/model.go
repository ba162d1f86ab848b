package domain

import "time"

// ModelName names a capability's model, as it appears in paths and metrics.
type ModelName string

// The models of the contract.
const (
	RiskScorer        ModelName = "risk_scorer"
	Nowcaster         ModelName = "nowcaster"
	AnomalyDetector   ModelName = "anomaly_detector"
	EvacuationPlanner ModelName = "evacuation_planner"
)

// ModelRef is the identity of the model that made an answer.
type ModelRef struct {
	Name    ModelName
	Version string // semantic version of the artifact
	Digest  string // "sha256:" and 64 hex digits, of the manifest that names every file by digest
}

// FeatureInfo describes one input of a model, for its card.
type FeatureInfo struct {
	Name        string
	Unit        string
	Min, Max    float64 // the range seen in training
	Description string
}

// ModelCard is what an operator needs to judge a model.
type ModelCard struct {
	Ref           ModelRef
	Kind          string
	FeatureSchema string
	Features      []FeatureInfo
	CreatedAt     time.Time
	SizeBytes     int64
	// Training and Skill are the manifest's own JSON objects, passed through untouched.
	Training, Skill []byte
	// Text is card.md.
	Text string
}
