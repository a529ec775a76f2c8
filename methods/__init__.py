"""The methods that come with cleanbench, a file each."""
