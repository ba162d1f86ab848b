package xgbjson

import (
	"encoding/binary"
	"math"
	"os"
	"testing"
)

func BenchmarkParse(b *testing.B) {
	for _, f := range fixtures {
		benchmarkParse(b, f.name, read(b, f.name+".json"))
	}
}

func benchmarkParse(b *testing.B, name string, data []byte) {
	b.Run(name, func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Parse(data, DefaultLimits()); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkModelFile times any model on any rows, those that models/training/bench_xgboost.py gives to
// XGBoost: GUARDY_BENCH_MODEL names the model, GUARDY_BENCH_ROWS the rows that the script saved.
func BenchmarkModelFile(b *testing.B) {
	name, rowsName := os.Getenv("GUARDY_BENCH_MODEL"), os.Getenv("GUARDY_BENCH_ROWS")
	if name == "" || rowsName == "" {
		b.Skip("GUARDY_BENCH_MODEL and GUARDY_BENCH_ROWS are not set")
	}
	data, err := os.ReadFile(name)
	if err != nil {
		b.Fatal(err)
	}
	raw, err := os.ReadFile(rowsName)
	if err != nil {
		b.Fatal(err)
	}
	m, err := Parse(data, DefaultLimits())
	if err != nil {
		b.Fatal(err)
	}
	rows := make([]float32, len(raw)/4)
	for i := range rows {
		rows[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	e := m.Ensemble
	columns := e.NumFeatures()
	n := len(rows) / columns
	perRow := func(b *testing.B, rowsPerOp int) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/(float64(b.N)*float64(rowsPerOp)), "ns/row")
	}

	benchmarkParse(b, "Parse", data)
	b.Run("Margin", func(b *testing.B) {
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			e.Margin(rows[i*columns : (i+1)*columns])
			i = (i + 1) % n
		}
		perRow(b, 1)
	})
	b.Run("Margins", func(b *testing.B) {
		dst := make([]float32, n)
		b.ReportAllocs()
		for b.Loop() {
			e.Margins(dst, rows)
		}
		perRow(b, n)
	})
	b.Run("Shapley", func(b *testing.B) {
		dst := make([]float64, columns)
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			e.Shapley(dst, rows[i*columns:(i+1)*columns])
			i = (i + 1) % n
		}
		perRow(b, 1)
	})
}
