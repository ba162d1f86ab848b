package main

// regionCmd is what can be done with a region of roads.
type regionCmd struct {
	Plan regionPlanCmd `cmd:"" help:"Plan evacuations on a capacity network: a proven answer a scenario on standard output."`
}
