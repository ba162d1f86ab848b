// Package climate derives what a place is like from its own daily record: the climate attributes of a site from
// rain and temperature, the ordinary value of a river and its 2-year level from levels or discharges.
//
// The definitions are those of the data that the risk model learnt from, CAMELS (Addor, Newman, Mizukami and Clark
// 2017, "The CAMELS data set: catchment attributes and meteorology for large-sample studies", Hydrology and Earth
// System Sciences 21, 5293-5313), so that a derived value means what the model takes it for. One definition differs:
// CAMELS has the evaporation of Priestley and Taylor, which needs radiation; here it is that of Oudin et al. (2005),
// which needs temperature and latitude only.
//
// NaN is a value that is not known. An unknown day is neither dry nor an ordinary day: it is left out, and the days of
// the same calendar month stand for it. An attribute of which some calendar month has too few known days is NaN.
package climate
