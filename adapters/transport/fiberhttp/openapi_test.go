package fiberhttp

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pb33f/jsonschema/v6"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/nowcast"
	"github.com/guardy-ai/guardy/domain/vector"
	"github.com/guardy-ai/guardy/ports/transporttest"
)

// contract is the document that every answer of every test is held against. The schemas of OpenAPI
// 3.1 are JSON Schema 2020-12, so a validator of that finds them where they stand.
type contract struct {
	doc      map[string]any
	compiler *jsonschema.Compiler
	mu       sync.Mutex // the compiler is not safe for concurrent use
	schemas  map[string]*jsonschema.Schema
}

var theContract = sync.OnceValues(func() (*contract, error) {
	data, err := openapiJSON()
	if err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	c := &contract{doc: doc.(map[string]any), compiler: jsonschema.NewCompiler(), schemas: map[string]*jsonschema.Schema{}}
	c.compiler.DefaultDraft(jsonschema.Draft2020)
	c.compiler.AssertFormat()
	return c, c.compiler.AddResource("openapi.json", doc)
})

// at returns what stands at a pointer, behind references.
func (c *contract) at(pointer string) (any, bool) {
	var v any = c.doc
	for _, token := range strings.Split(pointer, "/")[1:] {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		if v, ok = m[strings.NewReplacer("~1", "/", "~0", "~").Replace(token)]; !ok {
			return nil, false
		}
	}
	return v, true
}

// resolve returns the pointer behind a reference at pointer.
func (c *contract) resolve(pointer string) string {
	if v, ok := c.at(pointer + "/$ref"); ok {
		return strings.TrimPrefix(v.(string), "#")
	}
	return pointer
}

// validate holds JSON against the schema at pointer.
func (c *contract) validate(pointer string, data []byte) error {
	c.mu.Lock()
	schema, err := c.schemas[pointer], error(nil)
	if schema == nil {
		if schema, err = c.compiler.Compile("openapi.json#" + pointer); err == nil {
			c.schemas[pointer] = schema
		}
	}
	c.mu.Unlock()
	if err != nil {
		return err
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return err
	}
	return schema.Validate(v)
}

var escapePointer = strings.NewReplacer("~", "~0", "/", "~1")

// response returns the pointer to the response of an operation that a status has.
func (c *contract) response(method, path string, status int) (string, bool) {
	paths, _ := c.at("/paths")
	for template := range paths.(map[string]any) {
		pattern := "^" + regexp.MustCompile(`\\{\w+\\}`).ReplaceAllString(regexp.QuoteMeta(template), "[^/]+") + "$"
		if !regexp.MustCompile(pattern).MatchString(path) {
			continue
		}
		responses := "/paths/" + escapePointer.Replace(template) + "/" + strings.ToLower(method) + "/responses/"
		for _, key := range []string{strconv.Itoa(status), "default"} {
			if _, ok := c.at(responses + key); ok {
				return c.resolve(responses + key), true
			}
		}
	}
	return "/components/responses/Problem", status == http.StatusNotFound || status == http.StatusMethodNotAllowed
}

// validateAnswer fails the test when the document does not allow the answer.
func validateAnswer(t testing.TB, req *http.Request, res *http.Response, body []byte) {
	t.Helper()
	c, err := theContract()
	if err != nil {
		t.Fatal(err)
	}
	if req.Method == http.MethodHead || req.Method == http.MethodOptions {
		return
	}
	response, ok := c.response(req.Method, req.URL.Path, res.StatusCode)
	contentType, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";")
	media := response + "/content/" + escapePointer.Replace(contentType)
	if _, described := c.at(media + "/schema"); !ok || !described {
		t.Errorf("%s %s: no answer %d of type %q is documented", req.Method, req.URL.Path, res.StatusCode, contentType)
		return
	}
	switch contentType {
	case "text/html":
	case typeNDJSON:
		for line := range bytes.Lines(body) {
			if err := c.validate("/components/schemas/Prediction", line); err != nil {
				t.Errorf("the line %s is not of the contract: %v", line, err)
			}
		}
	default:
		if err := c.validate(media+"/schema", body); err != nil {
			t.Errorf("%s %s: the answer %d %.500s is not of the contract: %v", req.Method, req.URL.Path, res.StatusCode, body, err)
		}
	}
}

func TestOpenAPIDocumentHasOnlyValidSchemasAndReferences(t *testing.T) {
	c, err := theContract()
	if err != nil {
		t.Fatal(err)
	}
	var walk func(pointer string, v any)
	walk = func(pointer string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for key, member := range v {
				at := pointer + "/" + escapePointer.Replace(key)
				if ref, ok := member.(string); ok && key == "$ref" {
					if _, ok := c.at(strings.TrimPrefix(ref, "#")); !ok {
						t.Errorf("%s leads nowhere: %s", at, ref)
					}
				}
				if key == "schema" {
					if err := c.validate(at, []byte("null")); errors.As(err, new(*jsonschema.SchemaValidationError)) {
						t.Errorf("%s: %v", at, err)
					}
				}
				walk(at, member)
			}
		case []any:
			for i, member := range v {
				walk(pointer+"/"+strconv.Itoa(i), member)
			}
		}
	}
	walk("", c.doc)
}

func TestOpenAPIExamplesAreAnswered(t *testing.T) {
	_, url := start(t, testConfig(), testDeps(transporttest.NewService()))
	c, err := theContract()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/api/v1/predict/flood-risk", "/api/v1/predict/batch", "/api/v1/predict/nowcast", "/api/v1/predict/anomaly", "/api/v1/predict/evacuation-zones"} {
		content, _ := c.at("/paths/" + escapePointer.Replace(path) + "/post/requestBody/content")
		for media, of := range content.(map[string]any) {
			for name, example := range of.(map[string]any)["examples"].(map[string]any) {
				value := example.(map[string]any)["value"]
				body, isText := value.(string)
				if !isText {
					data, err := json.Marshal(value)
					if err != nil {
						t.Fatal(err)
					}
					body = string(data)
				}
				a := do(t, http.MethodPost, url+path, strings.NewReader(body), "Content-Type: "+media)
				if a.StatusCode != http.StatusOK || bytes.Contains(a.body, []byte(`"error"`)) {
					t.Errorf("%s %s: %d %s", path, name, a.StatusCode, a.body)
				}
			}
		}
	}
}

func TestOpenAPIDocumentHasEveryRouteAndNoOther(t *testing.T) {
	s, err := New(testConfig(), testDeps(transporttest.NewService()))
	if err != nil {
		t.Fatal(err)
	}
	parameter := regexp.MustCompile(`:(\w+)`)
	var routes []string
	for _, r := range s.app.GetRoutes() {
		if r.Method != http.MethodHead {
			routes = append(routes, strings.ToLower(r.Method)+" "+parameter.ReplaceAllString(r.Path, "{$1}"))
		}
	}
	var doc struct {
		Paths map[string]map[string]any
	}
	data, err := openapiJSON()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	var documented []string
	for path, operations := range doc.Paths {
		for method := range operations {
			documented = append(documented, method+" "+path)
		}
	}
	slices.Sort(routes)
	slices.Sort(documented)
	if !slices.Equal(routes, documented) {
		t.Errorf("routes     %v\ndocumented %v", routes, documented)
	}
}

func TestOpenAPIDocumentHasEveryNameOfTheDomain(t *testing.T) {
	var doc struct {
		Components struct {
			Schemas map[string]struct {
				Enum       []string
				Properties map[string]struct{ Enum []string }
			}
		}
	}
	data, err := openapiJSON()
	if err != nil {
		t.Fatal(err)
	}
	// Only the schemas named below are read; the members of others may be of other types.
	_ = json.Unmarshal(data, &doc)
	schemas := doc.Components.Schemas
	for l := range domain.NumLevels {
		if !slices.Contains(schemas["RiskLevel"].Enum, l.String()) {
			t.Errorf("the level %s is missing", l)
		}
	}
	for k := range domain.NumKinds {
		if !slices.Contains(schemas["ErrorCode"].Enum, k.String()) {
			t.Errorf("the kind %s is missing", k)
		}
	}
	nowcastQuality := map[string][]string{"series": nil, "fault": nil}
	for s := range nowcast.NumSeries {
		nowcastQuality["series"] = append(nowcastQuality["series"], s.String())
	}
	for f := range nowcast.NumFaults {
		nowcastQuality["fault"] = append(nowcastQuality["fault"], f.String())
	}
	for property, names := range nowcastQuality {
		if got := schemas["SequenceFault"].Properties[property].Enum; !slices.Equal(got, names) {
			t.Errorf("the %s of a fault is one of %v, documented are %v", property, names, got)
		}
	}
	for c := range nowcast.NumTrends {
		if !slices.Contains(schemas["NowcastAnswer"].Properties["trend"].Enum, c.String()) {
			t.Errorf("the trend %s is missing", c)
		}
	}
	var statuses, shelters, priorities []string
	for s := range evacuation.NumStatuses {
		statuses = append(statuses, s.String())
	}
	for s := range evacuation.NumShelterStatuses {
		shelters = append(shelters, s.String())
	}
	for p := range evacuation.NumPriorities {
		priorities = append(priorities, p.String())
	}
	for at, want := range map[string][]string{"EvacuationPlan/status": statuses, "Shelter/status": shelters, "EvacuationZone/priority": priorities} {
		schema, property, _ := strings.Cut(at, "/")
		if got := schemas[schema].Properties[property].Enum; !slices.Equal(got, want) {
			t.Errorf("%s is one of %v, documented are %v", at, want, got)
		}
	}
	for _, name := range vector.SiteNames {
		if _, ok := schemas["Site"].Properties[name]; !ok {
			t.Errorf("the attribute %s is missing", name)
		}
	}
}

func TestOpenAPIDocumentAllowsNoOtherMembers(t *testing.T) {
	c, err := theContract()
	if err != nil {
		t.Fatal(err)
	}
	for pointer, bad := range map[string]string{
		"/components/schemas/Problem":    `{}`,
		"/components/schemas/Health":     `{"status":"fine","version":"","uptime_seconds":1,"checks":{}}`,
		"/components/schemas/Prediction": `{"index":0,"status":"ok","error":{"code":"invalid","detail":"","errors":[]}}`,
		"/components/schemas/Instant":    `"2026-01-02T03:04:05Z"`,
	} {
		if c.validate(pointer, []byte(bad)) == nil {
			t.Errorf("%s allows %s", pointer, bad)
		}
	}
}

// A registered location_id fills the coordinates, so the document asks for one or the other.
func TestOpenAPIDocumentAsksForAPlaceOrItsID(t *testing.T) {
	c, err := theContract()
	if err != nil {
		t.Fatal(err)
	}
	readings := strings.Repeat(`,{"timestamp":"2026-01-01T00:00:00Z"}`, nowcast.MinReadings)[1:]
	for schema, rest := range map[string]string{"FloodRiskRequest": `"rainfall_mm":1`, "NowcastRequest": `"weather_sequence":[` + readings + `]`} {
		for place, allowed := range map[string]bool{
			`"latitude":45,"longitude":9,`: true, `"location_id":"a",`: true, `"location_id":"a","latitude":45,"longitude":9,`: true,
			``: false, `"latitude":45,`: false, `"location_name":"a",`: false,
		} {
			if err := c.validate("/components/schemas/"+schema, []byte("{"+place+rest+"}")); (err == nil) != allowed {
				t.Errorf("%s of the place {%s}: %v", schema, place, err)
			}
		}
	}
}

// schemaFields adds the paths of the fields that the schema at pointer describes, as transporttest.Fields does for
// an answer.
func (c *contract) schemaFields(at, pointer string, seen map[string]bool) {
	pointer = c.resolve(pointer)
	node, _ := c.at(pointer)
	schema, ok := node.(map[string]any)
	if !ok || transporttest.Opaque(at) {
		return
	}
	for _, word := range []string{"oneOf", "anyOf", "allOf"} {
		list, _ := schema[word].([]any)
		for i := range list {
			c.alternativeFields(at, list[i], pointer, seen)
		}
	}
	properties, _ := schema["properties"].(map[string]any)
	for name := range properties {
		path := strings.TrimPrefix(at+"."+name, ".")
		seen[path] = true
		c.schemaFields(path, pointer+"/properties/"+escapePointer.Replace(name), seen)
	}
	if transporttest.NamedByOthers(at) {
		seen[at+".*"] = true
		c.schemaFields(at+".*", pointer+"/additionalProperties", seen)
	}
	if _, list := schema["items"]; list {
		c.schemaFields(at+"[]", pointer+"/items", seen)
	}
}

// alternativeFields adds those of an alternative, which is a reference.
func (c *contract) alternativeFields(at string, alternative any, pointer string, seen map[string]bool) {
	if m, ok := alternative.(map[string]any); ok {
		if to, ok := m["$ref"].(string); ok {
			c.schemaFields(at, strings.TrimPrefix(to, "#"), seen)
			return
		}
		if m["type"] == "null" {
			return
		}
	}
	panic("an alternative of " + pointer + " is neither a reference nor null")
}

func TestTheDocumentDescribesTheListedFields(t *testing.T) {
	listed := transporttest.ListedFields(t, "../../contractjson/fields.json")
	c, err := theContract()
	if err != nil {
		t.Fatal(err)
	}
	for method, at := range map[string]struct{ verb, path string }{
		"AssessFloodRisk":      {http.MethodPost, riskPath},
		"AssessFloodRiskBatch": {http.MethodPost, batchPath},
		"Nowcast":              {http.MethodPost, nowcastPath},
		"DetectAnomaly":        {http.MethodPost, anomalyPath},
		"PlanEvacuation":       {http.MethodPost, evacuationPath},
		"ReloadModels":         {http.MethodPost, "/api/v1/models/reload"},
		"GetModel":             {http.MethodGet, "/api/v1/models/x/metadata"},
		"GetModelStats":        {http.MethodGet, "/api/v1/models/x/stats"},
		"ClearModelCache":      {http.MethodDelete, "/api/v1/models/x/cache"},
	} {
		response, ok := c.response(at.verb, at.path, http.StatusOK)
		if !ok {
			t.Fatalf("%s has no answer", at.path)
		}
		described := map[string]bool{}
		c.schemaFields("", response+"/content/application~1json/schema", described)
		if diff := cmp.Diff(listed[method], slices.Sorted(maps.Keys(described))); diff != "" {
			t.Errorf("%s and its description differ (-listed +described):\n%s", method, diff)
		}
	}
}
