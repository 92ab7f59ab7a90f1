package reports

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"deskstream/liquid"
)

// renderFigures count what renders come to.
type renderFigures struct{ renders *prometheus.CounterVec }

func newRenderFigures(registry prometheus.Registerer, r *liquid.Renderer) (renderFigures, error) {
	f := renderFigures{prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "deskstream_liquid_renders_total", Help: "Renders by what they came to: rendered, aborted, or the kind of their error.",
	}, []string{"result"})}
	if err := registry.Register(f.renders); err != nil {
		return f, err
	}
	return f, registry.Register(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "deskstream_liquid_panics_total", Help: "Faults of the renderer that were caught; must stay 0.",
	}, func() float64 { return float64(r.Panics()) }))
}

// count counts one render.
func (f renderFigures) count(res *liquid.Result, err error) {
	result := "rendered"
	switch e, ok := errors.AsType[*liquid.Error](err); {
	case ok:
		result = e.Kind
	case err != nil:
		result = liquid.KindInternal
	case res.Aborted != nil:
		result = "aborted"
	}
	f.renders.WithLabelValues(result).Inc()
}
