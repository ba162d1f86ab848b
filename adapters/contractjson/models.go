package contractjson

import "github.com/guardy-ai/guardy/domain"

// Nothing is a request without a field.
type Nothing struct{}

func (*Nothing) maxItems(Options) int { return 0 }

// OneModel is a request about one model.
type OneModel struct {
	Name *string `json:"name"`
}

func (*OneModel) maxItems(Options) int { return 0 }

// Required returns the name that the request must have. decoded is what Decode said.
func (w *OneModel) Required(decoded error) (domain.ModelName, error) {
	switch {
	case decoded != nil:
		return "", decoded
	case w.Name == nil || *w.Name == "":
		return "", domain.Invalid("models", []domain.Violation{{
			Pointer: "/name", Code: domain.CodeRequired, Detail: "the name of a model is required",
		}})
	}
	return domain.ModelName(*w.Name), nil
}
