// Package predict holds the use cases: it implements the driving ports on top of the domain and the
// driven ports, and knows no technology.
//
// A flood-risk question passes Service (resolve the site, fill the date, validate, round, pin the
// model) and then a chain of scorers, plain functions composed in one visible place (see New):
// cached looks the answer up, computed asks the model.
package predict
