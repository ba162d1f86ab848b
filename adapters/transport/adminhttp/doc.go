// Package adminhttp is the operator's listener: Prometheus metrics, profiles, readiness in detail and
// a live view of the running process. It is never public: it listens on loopback by default, and there
// it answers only requests that name a local host, so that a web page elsewhere cannot read it through
// the operator's browser. It shows figures and changes nothing but what the runtime samples while a profile
// is taken.
package adminhttp
