// Package predict holds the use cases: it implements the driving ports on top of the domain and the
// driven ports, and knows no technology.
//
// Every use case (FloodRisks, Nowcasts, Anomalies, Evacuations) takes the same steps: it resolves the site, validates,
// rounds, pins the model, and asks. One question is asked by ask, many at once by askMany; both look the answer up in
// the cache, where there is one, and let the model compute what is not there. After an error the answer is zero (refuse).
package predict
