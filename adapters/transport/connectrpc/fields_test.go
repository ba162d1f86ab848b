package connectrpc

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/reflect/protoreflect"

	guardyv1 "github.com/guardy-ai/guardy/adapters/transport/connectrpc/gen/guardy/v1"
	"github.com/guardy-ai/guardy/ports/transporttest"
)

// messageFields adds the paths of the fields of a message, as transporttest.Fields does for an answer.
func messageFields(at string, m protoreflect.MessageDescriptor, seen map[string]bool) {
	if transporttest.Opaque(at) {
		return
	}
	for i := range m.Fields().Len() {
		fd := m.Fields().Get(i)
		path := strings.TrimPrefix(at+"."+string(fd.Name()), ".")
		seen[path] = true
		value := fd
		switch {
		case fd.IsMap():
			path, value = path+".*", fd.MapValue()
			seen[path] = true
		case fd.IsList():
			path += "[]"
		}
		if value.Message() != nil {
			messageFields(path, value.Message(), seen)
		}
	}
}

func TestTheSchemaHasTheListedFields(t *testing.T) {
	listed := transporttest.ListedFields(t, "../../contractjson/fields.json")
	methods := 0
	for _, file := range []protoreflect.FileDescriptor{guardyv1.File_guardy_v1_prediction_proto, guardyv1.File_guardy_v1_model_proto} {
		for i := range file.Services().Len() {
			for k := range file.Services().Get(i).Methods().Len() {
				method := file.Services().Get(i).Methods().Get(k)
				if method.IsStreamingServer() {
					continue // its answers are the items of a batch
				}
				methods++
				seen := map[string]bool{}
				messageFields("", method.Output(), seen)
				if diff := cmp.Diff(listed[string(method.Name())], slices.Sorted(maps.Keys(seen))); diff != "" {
					t.Errorf("%s and its message differ (-listed +message):\n%s", method.Name(), diff)
				}
			}
		}
	}
	if methods != len(listed) {
		t.Errorf("%d methods, and answers of %d are listed", methods, len(listed))
	}
}

// An item of a stream is one of a batch.
func TestItemsOfStreamsAndBatchesAreOneMessage(t *testing.T) {
	methods := guardyv1.File_guardy_v1_prediction_proto.Services().ByName("PredictionService").Methods()
	item := methods.ByName("AssessFloodRiskBatch").Output().Fields().ByName("predictions").Message()
	if stream := methods.ByName("StreamFloodRisk").Output(); stream.FullName() != item.FullName() {
		t.Errorf("%s and %s", stream.FullName(), item.FullName())
	}
}
