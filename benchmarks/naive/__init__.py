"""What a Django project usually does: ModelSerializer(many=True), bulk_create, an ordinary indexed table."""
