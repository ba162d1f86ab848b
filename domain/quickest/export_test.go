package quickest

// Paced plans as New does where an instance is large and time is short.
func Paced(n *Network, s *Scenario, o Options) (*Plan, error) { return solve(n, s, o, paced) }
