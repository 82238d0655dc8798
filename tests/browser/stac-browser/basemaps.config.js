// No map below the footprints: its tiles would come from other hosts.
export default () => [];
