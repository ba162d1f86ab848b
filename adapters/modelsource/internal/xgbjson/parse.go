package xgbjson

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guardy-ai/guardy/domain/trees"
)

// Limits bound what Parse accepts, and with it the memory and time it takes.
type Limits struct {
	Bytes int // length of the file
	Trees int
	Nodes int // of all trees together, with those that pruning removed
}

// DefaultLimits admit models a hundred times larger than Guardy's own. They do not exceed those of the
// trees package.
func DefaultLimits() Limits {
	return Limits{Bytes: 64 << 20, Trees: 10_000, Nodes: 1 << 20}
}

// maxFeatureName is the longest name of a feature, in bytes.
const maxFeatureName = 256

// Model is a parsed model.
type Model struct {
	Ensemble *trees.Ensemble
	// FeatureNames are the columns of a row, in order; not empty, and no name occurs twice.
	FeatureNames []string
	// Objective is "binary:logistic": the margin is the log-odds of the positive class.
	Objective string
	// Version is that of the XGBoost that wrote the model, zero if it does not say.
	Version [3]int
}

// Parse reads a model in JSON or in Universal Binary JSON. Its error says what is refused and, if it is a matter of one place, where that is.
func Parse(data []byte, limits Limits) (*Model, error) {
	if len(data) > limits.Bytes {
		return nil, fmt.Errorf("%d bytes are more than %d", len(data), limits.Bytes)
	}
	if isUBJ(data) {
		var err error
		if data, err = jsonOfUBJ(data); err != nil {
			return nil, fmt.Errorf("not Universal Binary JSON as XGBoost writes it: %w", err)
		}
	}
	p := parser{
		dec:    jsontext.NewDecoder(bytes.NewBuffer(data)),
		limits: limits,
	}
	if err := p.object(p.top); err != nil {
		return nil, err
	}
	if _, err := p.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more than one JSON value")
	}
	return p.model()
}

// parser holds what has been read so far. Members of an object come in any order, so that most questions
// can only be asked at the end.
type parser struct {
	dec    *jsontext.Decoder
	limits Limits
	name   []byte // scratch: name of a member

	version      [3]int
	featureNames []string
	booster      string
	objective    string
	params       map[string]string // learner_model_param and gbtree_model_param
	// bestIteration is where training with early stopping was best; empty without.
	bestIteration string
	groups        int // length of tree_info
	nodes         int
	trees         []trees.Tree
	tree          rawTree // scratch: the tree being read
}

func (p *parser) top(name string) error {
	switch name {
	case "learner":
		return p.object(p.learner)
	case "version":
		return p.array(func(i int) error {
			v, err := p.integer()
			if err == nil && i < len(p.version) {
				p.version[i] = v
			}
			return err
		})
	}
	return p.dec.SkipValue()
}

func (p *parser) learner(name string) (err error) {
	switch name {
	case "feature_names":
		return p.array(p.featureName)
	case "gradient_booster":
		return p.object(p.gradientBooster)
	case "learner_model_param":
		return p.object(p.param)
	case "attributes":
		return p.object(p.attribute)
	case "objective":
		return p.object(func(name string) (err error) {
			if name != "name" {
				return p.dec.SkipValue()
			}
			p.objective, err = p.text()
			return err
		})
	}
	return p.dec.SkipValue()
}

// attribute reads the one attribute that matters. XGBoost writes attributes as strings.
func (p *parser) attribute(name string) (err error) {
	if name != "best_iteration" {
		return p.dec.SkipValue()
	}
	p.bestIteration, err = p.scalar()
	return err
}

func (p *parser) featureName(i int) error {
	name, err := p.text()
	switch {
	case err != nil:
		return err
	case i >= trees.MaxFeatures:
		return p.refuse("more than %d feature names", trees.MaxFeatures)
	case name == "" || len(name) > maxFeatureName:
		return p.refuse("a feature name has %d bytes, want 1 to %d", len(name), maxFeatureName)
	}
	for _, other := range p.featureNames {
		if name == other {
			return p.refuse("feature name %q occurs twice", name)
		}
	}
	p.featureNames = append(p.featureNames, name)
	return nil
}

func (p *parser) gradientBooster(name string) (err error) {
	switch name {
	case "name":
		p.booster, err = p.text()
		return err
	case "model":
		return p.object(p.gbtree)
	case "weight_drop":
		return p.array(func(i int) error {
			factor, err := p.scalar()
			if err != nil {
				return err
			}
			if f, err := strconv.ParseFloat(factor, 32); err != nil || f != 1 {
				return p.refuse("tree %d has the factor %.40q from dropout (weight_drop), which is not supported: train without dropout", i, factor)
			}
			return nil
		})
	}
	return p.dec.SkipValue()
}

func (p *parser) gbtree(name string) error {
	switch name {
	case "gbtree_model_param":
		return p.object(p.param)
	case "tree_info":
		return p.array(func(int) error {
			group, err := p.integer()
			if err == nil && group != 0 {
				err = p.refuse("output group %d: only models of one output are supported", group)
			}
			p.groups++
			return err
		})
	case "trees":
		return p.array(func(i int) error {
			if i >= p.limits.Trees {
				return p.refuse("more than %d trees", p.limits.Trees)
			}
			t, err := p.readTree()
			if err != nil {
				return err
			}
			p.trees = append(p.trees, t)
			return nil
		})
	}
	return p.dec.SkipValue()
}

// keptParams are the members of learner_model_param and gbtree_model_param that matter.
var keptParams = [...]string{"base_score", "num_class", "num_target", "num_feature", "size_leaf_vector", "num_trees", "num_parallel_tree"}

func (p *parser) param(name string) error {
	for _, kept := range keptParams {
		if name == kept {
			value, err := p.scalar()
			if err != nil {
				return err
			}
			if p.params == nil {
				p.params = make(map[string]string, len(keptParams))
			}
			p.params[kept] = value
			return nil
		}
	}
	return p.dec.SkipValue()
}

// model puts together what has been read.
func (p *parser) model() (*Model, error) {
	if p.booster != "gbtree" {
		return nil, fmt.Errorf("booster %q is not supported, only gbtree", p.booster)
	}
	if p.objective != "binary:logistic" {
		return nil, fmt.Errorf("objective %q is not supported, only binary:logistic", p.objective)
	}
	// Absent in old or new versions, and 0 or 1 for a single output, depending on the version.
	for _, name := range [...]string{"num_class", "num_target", "size_leaf_vector"} {
		if v, ok := p.params[name]; ok && v != "0" && v != "1" {
			return nil, fmt.Errorf("%s is %q: only models of one output are supported", name, v)
		}
	}
	if len(p.featureNames) == 0 {
		return nil, errors.New("feature_names is empty: train from a DMatrix that names its columns")
	}
	if v := p.params["num_feature"]; v != strconv.Itoa(len(p.featureNames)) {
		return nil, fmt.Errorf("num_feature is %q, but there are %d feature names", v, len(p.featureNames))
	}
	if v := p.params["num_trees"]; v != strconv.Itoa(len(p.trees)) {
		return nil, fmt.Errorf("num_trees is %q, but there are %d trees", v, len(p.trees))
	}
	if p.groups != len(p.trees) {
		return nil, fmt.Errorf("tree_info has %d entries for %d trees", p.groups, len(p.trees))
	}
	if len(p.trees) == 0 {
		return nil, errors.New("there are no trees")
	}
	if err := p.checkBestIteration(); err != nil {
		return nil, err
	}
	base, err := baseMargin(p.params["base_score"])
	if err != nil {
		return nil, err
	}
	ensemble, err := trees.New(len(p.featureNames), base, p.trees)
	if err != nil {
		return nil, err
	}
	return &Model{
		Ensemble:     ensemble,
		FeatureNames: p.featureNames,
		Objective:    p.objective,
		Version:      p.version,
	}, nil
}

// checkBestIteration refuses a model that was stopped early and still has the trees after its best iteration. XGBoost's
// Booster counts them, its scikit-learn wrapper does not, and the file does not say which of the two was meant.
func (p *parser) checkBestIteration() error {
	if p.bestIteration == "" {
		return nil
	}
	best, err := strconv.Atoi(p.bestIteration)
	if err != nil || best < 0 {
		return fmt.Errorf("best_iteration is %.40q", p.bestIteration)
	}
	perRound := 1
	if v := p.params["num_parallel_tree"]; v != "" && v != "0" {
		if perRound, err = strconv.Atoi(v); err != nil || perRound < 1 {
			return fmt.Errorf("num_parallel_tree is %.40q", v)
		}
	}
	if rounds := len(p.trees) / perRound; best+1 < rounds {
		return fmt.Errorf("the model was stopped early: it is best after %d rounds and has %d, and readers disagree whether the rest counts; "+
			"save booster[:%d], or take the attribute best_iteration away", best+1, rounds, best+1)
	}
	return nil
}

// baseMargin is the margin of a base_score, the probability that XGBoost starts from: "5E-1" until 3.0,
// "[5E-1]" since 3.1. The arithmetic is float32, as in XGBoost's LogisticRegression::ProbToMargin.
func baseMargin(score string) (float32, error) {
	number := score
	if n := len(score); n >= 2 && score[0] == '[' && score[n-1] == ']' {
		number = score[1 : n-1]
	}
	p, err := strconv.ParseFloat(number, 32)
	if err != nil || !(p > 0 && p < 1) {
		return 0, fmt.Errorf("base_score %q is not one probability in (0, 1)", score)
	}
	odds := 1/float32(p) - 1
	margin := float32(-math.Log(float64(odds)))
	if math.IsInf(float64(margin), 0) {
		return 0, fmt.Errorf("base_score %q has no finite log-odds", score)
	}
	return margin, nil
}
