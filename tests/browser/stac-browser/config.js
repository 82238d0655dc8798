// What STAC Browser asks for when it starts, in place of what it was built with; its documentation calls it the runtime
// configuration. To open another catalog, or to put the build elsewhere, change it here: nothing has to be built again.
const here = new URL(".", document.baseURI);

window.STAC_BROWSER_CONFIG = {
  // The catalog that the folder of this file stands in, wherever both are served; with ?api at the end of the page's
  // address, the STAC API that `lazycat serve` has there, which can be searched.
  catalogUrl: new URL(new URLSearchParams(location.search).has("api") ? "../" : "../catalog.json", here).href,
  pathPrefix: here.pathname,
  // The map shows footprints. The image data on it would be read from the host of the scenes, unasked.
  displayOverview: false,
  // A catalog on one's own machine is of no use to others.
  socialSharing: [],
};
