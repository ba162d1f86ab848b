// Package cachetest is the contract of ports.AnswerCache in code: Run holds every adapter to the
// same rules, Fake is the plainest implementation of them for tests of whatever uses a cache, and
// Clock is the time both can share. It is imported by tests only.
package cachetest
