package predict

// StateKey lets a test put something under the key of a device.
var StateKey = stateKey
