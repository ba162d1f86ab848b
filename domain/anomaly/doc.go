// Package anomaly tells sensor faults from weather: for every reading of a device it answers which
// values a sensor cannot have meant, and why.
//
// It works in layers. Standard limits and the tests of package qartod judge what every sensor of a kind
// must obey. The self-calibrating layer learns each variable's own steps, runs and noise from what it
// reported before, in dimensionless terms, so that it needs no thresholds and no sampling step; what
// spreads over orders of magnitude, as turbidity does, is judged by its logarithm. Variables of one device
// bear witness for each other: temperature and humidity move together as vapour pressure makes them, and an
// instrument that reports a logger's code for one sensor while the others repeat their values is frozen. The
// flood guard then asks whether the weather explains what stands out: a rise that goes on over several
// samples, or that rain or the device's other variables share, is of high interest and no fault. An
// isolation forest over the ratios of all variables gives the multivariate flag of what stands out; it makes
// no anomaly, because at sites it had not seen it made the verdicts hardly better.
//
// A long condition (stuck, noisy, shifted, out of water) is a state: every reading inside it carries the
// verdict, and one alarm is raised an episode. Everything that is remembered of a device is in
// DeviceState: the same readings give the same verdicts whether they are replayed from a request's
// history or were seen one by one.
//
// What a single gauge cannot show is not claimed: a rain gauge that reads zero through rain, or a slow
// drift without a second sensor, looks like weather.
//
// Values here may be impossible; that is what the package is for. They are never averaged in.
package anomaly
